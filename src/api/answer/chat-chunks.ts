/** A generation's events as chunks of a chat completion, and chunks as a whole one. */
import type { AnswerPart, ToolCallParser } from '../../chat/tool-calls.ts';
import type { ChosenLogprob, FinishReason, GenerationEvent } from '../../engine/request.ts';
import type { ToolUse } from '../request/parsed.ts';
import type {
  ChatCompletion,
  ChatCompletionChoice,
  ChatCompletionChunk,
  ChatCompletionChunkChoice,
  ChatCompletionDelta,
  ChatFinishReason,
  ChosenTokenLogprob,
  Usage,
} from '../types.ts';
import { type Head, randomHex } from './generate.ts';

/**
 * @param includeUsage whether a last chunk has it
 * @param withLogprobs whether they were asked for
 */
export async function* toChatChunks(
  events: AsyncIterable<GenerationEvent>,
  head: Head,
  toolUse: ToolUse,
  includeUsage: boolean,
  withLogprobs: boolean,
): AsyncGenerator<ChatCompletionChunk, void, undefined> {
  const { id, created, model } = head;
  const chunk = (choices: ChatCompletionChunkChoice[], usage: Usage | null): ChatCompletionChunk => ({
    ...{ id, object: 'chat.completion.chunk', created, model, choices },
    ...(includeUsage && { usage }),
  });
  const newParser = await loadParser(toolUse);
  const toLogprob = withLogprobs ? (await import('./logprobs.ts')).toChatLogprob : undefined;
  let writer: ChoiceWriter | undefined;
  for await (const event of events) {
    if (event.type === 'usage') {
      if (includeUsage) yield chunk([], event.usage);
      continue;
    }
    if (!writer) {
      writer = new ChoiceWriter(event.choice, newParser?.(), toolUse.parallel, toLogprob);
      yield chunk([writer.begin()], null);
    }
    const pieces = event.type === 'text' ? writer.text(event.text, event.tokens) : writer.end(event.finishReason);
    for (const piece of pieces) yield chunk([piece], null);
    if (event.type === 'end') writer = undefined;
  }
}

/** Most answers cannot hold calls, and are written without what reads them. */
async function loadParser({ callable }: ToolUse): Promise<(() => ToolCallParser) | undefined> {
  if (!callable) return undefined;
  const { ToolCallParser } = await import('../../chat/tool-calls.ts');
  return () => new ToolCallParser(callable);
}

type ToLogprob = (token: ChosenLogprob) => ChosenTokenLogprob;

/** Writes one choice. */
class ChoiceWriter {
  readonly #index: number;
  readonly #parser: ToolCallParser | undefined;
  readonly #parallel: boolean;
  readonly #toLogprob: ToLogprob | undefined;
  /** Given out with the next piece. */
  #tokens: ChosenTokenLogprob[] = [];
  #calls = 0;

  constructor(index: number, parser: ToolCallParser | undefined, parallel: boolean, toLogprob: ToLogprob | undefined) {
    this.#index = index;
    this.#parser = parser;
    this.#parallel = parallel;
    this.#toLogprob = toLogprob;
  }

  begin(): ChatCompletionChunkChoice {
    return this.#piece({ role: 'assistant', content: '' });
  }

  *text(text: string, tokens: readonly ChosenLogprob[] = []): Generator<ChatCompletionChunkChoice, void, undefined> {
    if (this.#toLogprob) this.#tokens.push(...tokens.map(this.#toLogprob));
    if (this.#parser) yield* this.#parts(this.#parser.push(text));
    else if (text !== '') yield this.#piece({ content: text });
  }

  *end(reason: FinishReason): Generator<ChatCompletionChunkChoice, void, undefined> {
    if (this.#parser) yield* this.#parts(this.#parser.end());
    yield this.#piece({}, this.#calls > 0 && reason === 'stop' ? 'tool_calls' : reason);
  }

  *#parts(parts: readonly AnswerPart[]): Generator<ChatCompletionChunkChoice, void, undefined> {
    for (const part of parts) {
      if ('text' in part) {
        yield this.#piece({ content: part.text });
        continue;
      }
      if (this.#calls > 0 && !this.#parallel) continue; // one call was asked for
      const { name, arguments: json } = part.call;
      const index = this.#calls++;
      const called = { index, id: `call_${randomHex()}`, type: 'function', function: { name, arguments: '' } } as const;
      yield this.#piece({ tool_calls: [called] });
      yield this.#piece({ tool_calls: [{ index, function: { arguments: json } }] });
    }
  }

  #piece(delta: ChatCompletionDelta, reason: ChatFinishReason | null = null): ChatCompletionChunkChoice {
    const content = this.#tokens;
    this.#tokens = [];
    const logprobs = content.length > 0 ? { content, refusal: null } : null;
    return { index: this.#index, delta, logprobs, finish_reason: reason };
  }
}

/**
 * @param chunks with usage
 * @param withLogprobs whether they were asked for
 */
export async function toChatCompletion(
  chunks: AsyncIterable<ChatCompletionChunk>,
  { id, created, model }: Head,
  withLogprobs: boolean,
): Promise<ChatCompletion> {
  const choices: ChatCompletionChoice[] = [];
  let usage: Usage | undefined;
  for await (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    for (const piece of chunk.choices) {
      choices[piece.index] ??= emptyChoice(piece.index, withLogprobs);
      addPiece(choices[piece.index]!, piece);
    }
  }
  for (const { message } of choices) if (message.content === '' && message.tool_calls) message.content = null;
  const [first, ...others] = choices;
  return { id, object: 'chat.completion', created, model, choices: [first!, ...others], usage: usage! };
}

function emptyChoice(index: number, withLogprobs: boolean): ChatCompletionChoice {
  const logprobs = withLogprobs ? { content: [], refusal: null } : null;
  return { index, message: { role: 'assistant', content: '', refusal: null }, logprobs, finish_reason: 'stop' };
}

function addPiece(choice: ChatCompletionChoice, { delta, logprobs, finish_reason }: ChatCompletionChunkChoice): void {
  const { message } = choice;
  message.content += delta.content ?? '';
  for (const { index, id, function: called } of delta.tool_calls ?? []) {
    message.tool_calls ??= [];
    message.tool_calls[index] ??= { id: id!, type: 'function', function: { name: called.name!, arguments: '' } };
    message.tool_calls[index].function.arguments += called.arguments;
  }
  choice.logprobs?.content.push(...(logprobs?.content ?? []));
  choice.finish_reason = finish_reason ?? choice.finish_reason;
}
