/** From a parsed request to the events of its generation; what the methods of the API have in common. */
import type { GenerateRequest, GenerationEvent, TextEngine } from '../../engine/request.ts';
import { type Interruption, linkSignals } from '../../ports/abortable.ts';
import type { GrammarSpec, Grammars } from '../grammars.ts';
import type { AnswerStream, RequestOptions } from '../types.ts';
import { openStream } from './stream.ts';

/** What answers are made with. */
export interface Answering {
  readonly engine: Pick<TextEngine, 'generate' | 'encode' | 'decode' | 'model'>;
  readonly grammars: Grammars;
  /** Of requests that are not asked of the engine yet. */
  readonly interruption: Interruption;
}

/** What all objects of one answer share. */
export interface Head {
  readonly id: string;
  /** Unix time, seconds. */
  readonly created: number;
  readonly model: string;
}

export function createHead(prefix: 'chatcmpl' | 'cmpl', model: string): Head {
  return { id: `${prefix}-${randomHex()}`, created: Math.floor(Date.now() / 1000), model };
}

/** 24 digits. */
export const randomHex = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Tokens that an answer may have. @throws OutriderError `template_error` */
async function roomOf(
  engine: Pick<TextEngine, 'encode' | 'model'>,
  { prompt, maxTokens = Infinity }: GenerateRequest,
): Promise<number> {
  const { ids } = await engine.encode(prompt);
  return Math.max(1, Math.min(maxTokens, engine.model.contextLength - ids.length));
}

/** Ends with `usage`. Leaving early stops the generation. @throws while iterating, as `TextEngine.generate` does */
export async function* generateEvents(
  { engine, grammars }: Answering,
  request: GenerateRequest,
  grammar: GrammarSpec | undefined,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent, void, undefined> {
  signal.throwIfAborted();
  const masks = grammar && (await grammars.open(grammar, signal, await roomOf(engine, request)));
  if (signal.aborted) masks?.close(); // nobody takes it then
  signal.throwIfAborted();
  const events = engine.generate(request, { signal, masks });
  try {
    for (;;) {
      const { done, value } = await events.next();
      if (done) throw new Error('a generation ended without its usage');
      yield value;
      if (value.type === 'usage') return;
    }
  } finally {
    // Without waiting for steps that ran ahead; the next request waits for them. A failure is being thrown already.
    events.return!().catch(() => {});
  }
}

/**
 * Gives out pieces as a stream, or what `collect` makes of them.
 * @param generate makes the pieces; ends when its signal fires
 */
export async function respond<Piece, Whole>(
  generate: (signal: AbortSignal) => AsyncGenerator<Piece, void, undefined>,
  collect: ((pieces: AsyncIterable<Piece>) => Promise<Whole>) | undefined,
  { signal: given }: RequestOptions,
): Promise<AnswerStream<Piece> | Whole> {
  const controller = new AbortController();
  const { signal, unlink } = linkSignals([given ?? undefined, controller.signal]);
  const pieces = generate(signal);
  if (!collect) return openStream(pieces, controller, signal, unlink);
  try {
    return await collect(pieces);
  } finally {
    unlink();
  }
}
