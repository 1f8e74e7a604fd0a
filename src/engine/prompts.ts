/** From a request's prompt to ids, with the ids that were chosen for earlier answers in their place. */
import { encodeConversation, removableTurns } from '../chat/conversation.ts';
import { createSplitter, type SplitSpecials } from '../chat/marks.ts';
import type { ChatTemplate, TemplateMessage } from '../chat/template.ts';
import { OutriderError } from '../errors.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { AnswerMemory } from './answers.ts';
import { checkPrompt } from './check.ts';
import type { ConversationPrompt, GenerateRequest, Prompt } from './request.ts';

/** Of the context, what an answer is left by `overflow: 'truncate'` where it does not ask for less. */
const ANSWER_SHARE = 1 / 4;
/** Of the context, too: it is left out at a time, so that the turns to come begin alike and find their keys and values. */
const OMITTED_SHARE = 1 / 8;

export interface FittedPrompt {
  readonly ids: readonly number[];
  /** Messages that were left out. */
  readonly omitted: number;
  /** Keeps the ids of an answer, for the conversation that goes on from it. */
  readonly remember: (ids: readonly number[], text: string) => void;
}

export class PromptEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #answers = new AnswerMemory();
  #split: SplitSpecials | undefined;

  constructor(tokenizer: Tokenizer, template: ChatTemplate) {
    this.#tokenizer = tokenizer;
    this.#template = template;
  }

  /** @throws OutriderError `template_error`, `invalid_request` where nothing is left to feed */
  encode(prompt: Prompt): readonly number[] {
    checkPrompt(prompt, this.#tokenizer.numTokens);
    const ids = 'messages' in prompt ? this.#conversation(prompt).encode(prompt.messages.keys()) : this.#plain(prompt);
    if (ids.length > 0) return ids;
    throw new OutriderError('invalid_request', 'The prompt has no tokens; it must have at least one.');
  }

  /** Whether `text` has the text of a special token where `ids`, which it belongs to, have plain text. */
  isMisreadable(ids: readonly number[], text: string): boolean {
    const { specialTokens } = this.#tokenizer;
    this.#split ??= createSplitter([...specialTokens.keys()]);
    const special = new Set(specialTokens.values());
    const written = ((this.#split(text)?.length ?? 1) - 1) / 2;
    return written !== ids.filter((id) => special.has(id)).length;
  }

  /**
   * The prompt, shortened where the request says so.
   * @throws OutriderError as `encode`, and `context_overflow`
   */
  fit({ prompt, maxTokens, overflow = 'error' }: GenerateRequest, contextLength: number): FittedPrompt {
    if (!('messages' in prompt)) {
      return { ids: requireRoom(this.encode(prompt), contextLength), omitted: 0, remember: () => {} };
    }
    const { encode, remember } = this.#conversation(prompt);
    const whole = encode(prompt.messages.keys());
    if (overflow === 'error') return { ids: requireRoom(whole, contextLength), omitted: 0, remember };
    const room = Math.min(maxTokens ?? contextLength, Math.max(1, Math.floor(contextLength * ANSWER_SHARE)));
    const tooMany = whole.length - (contextLength - room);
    const step = Math.max(1, Math.floor(contextLength * OMITTED_SHARE));
    const { ids, omitted } = truncate(prompt.messages, whole, Math.ceil(tooMany / step) * step, encode);
    return { ids: requireRoom(ids, contextLength, omitted), omitted, remember };
  }

  #plain(prompt: Exclude<Prompt, ConversationPrompt>): readonly number[] {
    if ('ids' in prompt) return prompt.ids;
    const { bosToken } = this.#tokenizer;
    return this.#tokenizer.encodeRendered([...(bosToken ? [{ special: bosToken }] : []), { text: prompt.text }]);
  }

  /** Encodes some of a conversation's messages, by index, with the answer so far behind them. */
  #conversation({ messages, tools, templateKwargs, answer = '' }: ConversationPrompt) {
    const tokenizer = this.#tokenizer;
    const withAnswer = (text: string): TemplateMessage[] => [...messages, { role: 'assistant', content: text }];
    const known = this.#answers.recall(withAnswer(answer)); // the answer so far may be one that was stopped
    const answerIds = answer === '' ? [] : (known.at(-1) ?? tokenizer.encodeText(answer));
    const encode = (kept: Iterable<number>): number[] => {
      const indices = [...kept];
      const ids = encodeConversation(
        tokenizer,
        this.#template,
        indices.map((index) => messages[index]!),
        {
          idsOf: (place) => known[indices[place]!],
          tools: tools && tools.length > 0 ? tools : undefined,
          templateKwargs,
        },
      );
      return [...ids, ...answerIds];
    };
    const remember = (ids: readonly number[], text: string) =>
      this.#answers.remember(withAnswer(answer + text), [...answerIds, ...ids]);
    return { encode, remember };
  }
}

/** Leaves out as few of the oldest turns as have at least `excess` tokens; all that may go where that is not enough. */
function truncate(
  messages: readonly TemplateMessage[],
  whole: readonly number[],
  excess: number,
  encode: (kept: Iterable<number>) => readonly number[],
): { ids: readonly number[]; omitted: number } {
  const turns = removableTurns(messages);
  if (excess <= 0 || turns.length === 0) return { ids: whole, omitted: 0 };
  const without = (count: number) => {
    const omitted = new Set(turns.slice(0, count).flat());
    return { ids: encode([...messages.keys()].filter((index) => !omitted.has(index))), omitted: omitted.size };
  };
  let [least, enough] = [1, turns.length];
  while (least < enough) {
    const middle = Math.floor((least + enough) / 2);
    if (whole.length - without(middle).ids.length >= excess) enough = middle;
    else least = middle + 1;
  }
  return without(enough);
}

function requireRoom(ids: readonly number[], contextLength: number, omitted = 0): readonly number[] {
  const excess = ids.length - (contextLength - 1);
  if (excess <= 0) return ids;
  const left = omitted > 0 ? ` after ${omitted} older messages were left out` : '';
  throw new OutriderError(
    'context_overflow',
    `The prompt has ${ids.length} tokens${left} and the context holds ${contextLength}, of which at least one is the answer's: ` +
      `${excess} too many. Shorten the conversation, or create the engine with a larger contextLength.`,
    { details: { promptTokens: ids.length, contextLength, excessTokens: excess } },
  );
}
