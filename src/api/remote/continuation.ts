/** An answer that goes on where it was left, at a server's `/completions`. */
import type { GenerateRequest, GenerationEvent, Prompt, TextEngine } from '../../engine/request.ts';
import { StopMatcher } from '../../engine/stop.ts';
import { OutriderError } from '../../errors.ts';
import type { Fields } from '../fields.ts';
import { tokenize } from '../tokens.ts';
import { samplingFields } from './fields.ts';
import { choiceOf, type RemoteServer } from './server.ts';

type Encoder = Pick<TextEngine, 'encode' | 'model'>;

/** A prompt with the answer so far behind it. */
export interface Begun {
  /** What may be sent, in the order in which it is tried. */
  readonly variants: readonly Fields[];
  /** Tokens of the prompt by itself; undefined where there is no tokenizer any more. */
  readonly promptTokens: number | undefined;
  /** Tokens of the answer so far. */
  readonly spent: number;
}

/**
 * The rendered prompt is sent as text, which every server takes. Servers read special tokens in it as such, and their own
 * begin token must not come twice, which vLLM is told by `add_special_tokens`; strict servers want it without that field.
 * Where somebody typed the text of a special token, text would be misread: then ids are sent, which mean the same only to
 * the same tokenizer, or nothing where a server takes no ids.
 * @param pieces of the answer so far: at least as many tokens
 * @returns undefined where the prompt cannot be told any more
 */
export async function beginAgain(
  engine: Encoder,
  prompt: Prompt,
  text: string,
  pieces: number,
): Promise<Begun | undefined> {
  try {
    if ('ids' in prompt) {
      const ids = text === '' ? [] : await tokenize(engine, text);
      return { variants: [{ prompt: [...prompt.ids, ...ids] }], promptTokens: prompt.ids.length, spent: ids.length };
    }
    const whole = 'text' in prompt ? { text: prompt.text + text } : { ...prompt, answer: (prompt.answer ?? '') + text };
    const [before, after] = await Promise.all([engine.encode(prompt), engine.encode(whole)]);
    const asText = [{ prompt: after.text, add_special_tokens: false }, { prompt: after.text }];
    return {
      variants: after.misreadable ? [{ prompt: after.ids }] : asText,
      promptTokens: before.ids.length,
      spent: after.ids.length - before.ids.length,
    };
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    // Nothing is loaded: an app's own text needs no template, and ids are what they are.
    if ('messages' in prompt || ('ids' in prompt && text !== '')) return undefined;
    const sent = 'text' in prompt ? prompt.text + text : prompt.ids;
    return { variants: [{ prompt: sent }], promptTokens: undefined, spent: pieces };
  }
}

/**
 * Tries one variant after another.
 * @returns undefined where the server has no `/completions`, or takes the prompt in no form
 * @throws OutriderError for any other failure of the server; the signal's reason
 */
export async function openContinuation(
  server: RemoteServer,
  variants: readonly Fields[],
  fields: Fields,
  signal: AbortSignal,
): Promise<AsyncGenerator<Fields, void, undefined> | undefined> {
  for (const variant of variants) {
    try {
      return await server.open('completions', { ...fields, ...variant }, signal);
    } catch (error) {
      const status = error instanceof OutriderError ? error.details.status : undefined;
      if (status === 404 || status === 405 || status === 501) return undefined;
      if (status !== 400 && status !== 422) throw error;
    }
  }
  return undefined;
}

/** What beside the prompt is sent for a choice. @param limit of tokens */
export function continuationFields(
  request: GenerateRequest,
  { model }: Encoder,
  choice: number,
  limit: number,
): Fields {
  const defaults = model.contextLength > 0 ? model.defaults : undefined;
  return { ...samplingFields(request, defaults, choice), max_tokens: limit };
}

/**
 * A server's chunks as events of one choice. Stop strings are looked for here too: not every server knows them. The text before
 * never ends in a part of one, because such a part is held back until it is decided, here and there.
 * @param onChunk sees each chunk
 */
export async function* continuedEvents(
  chunks: AsyncIterable<Fields>,
  choice: number,
  stops: readonly string[],
  onChunk: (chunk: Fields) => void,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const matcher = new StopMatcher(stops);
  let reason: unknown;
  for await (const chunk of chunks) {
    onChunk(chunk);
    const { text: piece, finish_reason } = choiceOf(chunk) ?? {};
    reason = finish_reason ?? reason;
    if (typeof piece !== 'string' || piece === '') continue;
    const { text, stopped } = matcher.push(piece);
    if (text !== '') yield { type: 'text', choice, text };
    if (!stopped) continue;
    yield { type: 'end', choice, finishReason: 'stop' };
    return;
  }
  const rest = matcher.end();
  if (rest !== '') yield { type: 'text', choice, text: rest };
  yield { type: 'end', choice, finishReason: reason === 'length' ? 'length' : 'stop' };
}
