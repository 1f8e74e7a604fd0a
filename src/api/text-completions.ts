/** `completions.create`: OpenAI's older method, which goes on with a text. */
import type { GenerateRequest, GenerationEvent, IdsPrompt, TextPrompt } from '../engine/request.ts';
import type { Usage } from '../engine/stats.ts';
import { type Answering, createHead, generateEvents, type Head, respond } from './answer/generate.ts';
import { appendLogprobs, toTextLogprobs } from './answer/logprobs.ts';
import { booleanField, type Fields, integerField, isFields, refuse, stringField } from './fields.ts';
import type { GrammarSpec } from './grammars.ts';
import { type Elsewhere, type Generate, keepingMark } from './remote/types.ts';
import { checkModel, parseCommon, parseStream } from './request/sampling.ts';
import { checkFields, EXTENSIONS, TEXT_PARAMETERS } from './request/support.ts';
import { MAX_LOGPROBS } from './request/validate.ts';
import type { RequestOptions } from './types.ts';
import type {
  TextCompletion,
  TextCompletionChoice,
  TextCompletionChunk,
  TextCompletionRequest,
  TextCompletions,
} from './types-text.ts';

/** OpenAI's default. */
const DEFAULT_MAX_TOKENS = 16;

type PlainPrompt = TextPrompt | IdsPrompt;

interface ParsedTextRequest {
  readonly prompts: readonly PlainPrompt[];
  readonly generate: Omit<GenerateRequest, 'prompt'>;
  readonly echo: boolean;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly grammar: GrammarSpec | undefined;
}

export function createTextCompletions(answering: Answering, elsewhere?: Elsewhere): TextCompletions {
  const modelId = answering.engine.model.id;
  const create = async (request: TextCompletionRequest, options: RequestOptions = {}) => {
    const parsed = parseTextRequest(request, modelId);
    const head = createHead('cmpl', modelId);
    const { grammar } = parsed;
    const generate: Generate = (wanted, signal) => generateEvents(answering, wanted, grammar, signal);
    const chunks = (signal: AbortSignal) => {
      const write = (from: Generate) => toTextChunks(answering, from, parsed, head, signal);
      return elsewhere?.text({ grammar, generate, write }, signal) ?? write(generate);
    };
    const collect = keepingMark((pieces: AsyncIterable<TextCompletionChunk>) => toTextCompletion(pieces, head));
    return respond(chunks, parsed.stream ? undefined : collect, options);
  };
  return { create: create as TextCompletions['create'] };
}

/** @throws OutriderError `invalid_request` */
export function parseTextRequest(request: unknown, modelId: string): ParsedTextRequest {
  if (!isFields(request)) throw refuse('request', request, 'an object');
  checkFields(request, TEXT_PARAMETERS, EXTENSIONS);
  checkModel(request.model, modelId);
  const logprobs = integerField(request, 'logprobs', 0, MAX_LOGPROBS);
  const echo = booleanField(request, 'echo') ?? false;
  if (echo && logprobs !== undefined) {
    throw refuse('echo', true, "false or absent beside logprobs: a prompt's are not computed", 'unsupported_value');
  }
  const grammar = stringField(request, 'grammar');
  const maxTokens = integerField(request, 'max_tokens', 1) ?? DEFAULT_MAX_TOKENS;
  return {
    prompts: parsePrompts(request),
    generate: { ...parseCommon(request), logprobs, maxTokens },
    echo,
    ...parseStream(request),
    grammar: grammar === undefined ? undefined : { kind: 'ebnf', grammar },
  };
}

function parsePrompts({ prompt }: Fields): PlainPrompt[] {
  if (prompt === null) return [{ text: '' }];
  if (typeof prompt === 'string') return [{ text: prompt }];
  const allowed = 'text, a list of texts, token ids, or a list of lists of token ids, none of them empty';
  if (!Array.isArray(prompt) || prompt.length === 0) throw refuse('prompt', prompt, allowed);
  const isIds = (value: unknown): value is number[] =>
    Array.isArray(value) && value.length > 0 && value.every((id) => Number.isSafeInteger(id) && id >= 0);
  if (isIds(prompt)) return [{ ids: prompt }];
  if (prompt.every((text) => typeof text === 'string')) return prompt.map((text) => ({ text }));
  if (prompt.every(isIds)) return prompt.map((ids) => ({ ids }));
  throw refuse('prompt', prompt, allowed);
}

/** Prompts one after another. A stream has usage only if asked for, a whole answer always. */
async function* toTextChunks(
  answering: Answering,
  from: Generate,
  { prompts, generate, echo, stream, includeUsage }: ParsedTextRequest,
  { id, created, model }: Head,
  signal: AbortSignal,
): AsyncGenerator<TextCompletionChunk, void, undefined> {
  const counted = includeUsage || !stream;
  const chunk = (choices: TextCompletionChunk['choices'], usage: Usage | null): TextCompletionChunk => ({
    ...{ id, object: 'text_completion', created, model, choices },
    ...(counted && { usage }),
  });
  let total: Usage | undefined;
  for (const [number, prompt] of prompts.entries()) {
    const first = number * (generate.choices ?? 1);
    const echoed = echo ? await echoOf(answering, prompt) : '';
    const writer = new TextWriter(first, echoed);
    for await (const event of from({ ...generate, prompt }, signal)) {
      if (event.type === 'usage') total = total ? sum(total, event.usage) : event.usage;
      else for (const piece of writer.write(event)) yield chunk([piece], null);
    }
  }
  if (counted) yield chunk([], total!);
}

async function echoOf({ engine }: Answering, prompt: PlainPrompt): Promise<string> {
  return 'text' in prompt ? prompt.text : engine.decode(prompt.ids);
}

/** Writes the choices of one prompt. */
class TextWriter {
  readonly #first: number;
  readonly #echoed: string;
  #choice = -1;
  /** UTF-16 units of the choice so far. */
  #length = 0;

  constructor(first: number, echoed: string) {
    this.#first = first;
    this.#echoed = echoed;
  }

  *write(event: Exclude<GenerationEvent, { type: 'usage' }>): Generator<TextCompletionChunk['choices'][number]> {
    const index = this.#first + event.choice;
    if (event.choice !== this.#choice) {
      this.#choice = event.choice;
      this.#length = this.#echoed.length;
      if (this.#echoed !== '') yield { index, text: this.#echoed, logprobs: null, finish_reason: null };
    }
    if (event.type === 'end') {
      yield { index, text: '', logprobs: null, finish_reason: event.finishReason };
      return;
    }
    const logprobs = event.tokens ? toTextLogprobs(event.tokens, this.#length) : null;
    this.#length += event.text.length;
    yield { index, text: event.text, logprobs, finish_reason: null };
  }
}

async function toTextCompletion(
  chunks: AsyncIterable<TextCompletionChunk>,
  { id, created, model }: Head,
): Promise<TextCompletion> {
  const choices: TextCompletionChoice[] = [];
  let usage: Usage | undefined;
  for await (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    for (const { index, text, logprobs, finish_reason } of chunk.choices) {
      choices[index] ??= { index, text: '', logprobs: null, finish_reason: 'stop' };
      const choice = choices[index];
      choice.text += text;
      choice.finish_reason = finish_reason ?? choice.finish_reason;
      if (logprobs && choice.logprobs) appendLogprobs(choice.logprobs, logprobs);
      else choice.logprobs ??= logprobs;
    }
  }
  return { id, object: 'text_completion', created, model, choices, usage: usage! };
}

/** Counts are added; of speeds, the last request's stand for all. */
function sum(a: Usage, b: Usage): Usage {
  const cached = a.prompt_tokens_details.cached_tokens + b.prompt_tokens_details.cached_tokens;
  return {
    ...b,
    prompt_tokens: a.prompt_tokens + b.prompt_tokens,
    completion_tokens: a.completion_tokens + b.completion_tokens,
    total_tokens: a.total_tokens + b.total_tokens,
    prompt_tokens_details: { cached_tokens: cached },
  };
}
