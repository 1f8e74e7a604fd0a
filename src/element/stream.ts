/** One answer of any engine that speaks OpenAI's chat completions. Pure. */
import { OutriderError } from '../errors.ts';

/**
 * An engine of `createEngine`, a client of the package `openai`, or anything else whose `create` takes a streaming request and
 * promises chunks. What comes is checked here, so the types ask for no more than the call.
 */
export interface OpenAILike {
  readonly chat: { readonly completions: { create(request: never, options?: never): PromiseLike<unknown> } };
}

/** A call of a function; `arguments` is JSON text, complete when the answer is. */
export interface ShownToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

/** An answer, as far as it has come. */
export interface AnswerSoFar {
  readonly text: string;
  readonly toolCalls: readonly ShownToolCall[];
  /** Why it ended, in OpenAI's words; undefined while it goes on. */
  readonly finishReason?: string | undefined;
  /** Where a part of it was computed, if not on this machine: a server's address. */
  readonly computedAt?: string | undefined;
  /** What this machine had written before a server answered anew: no part of `text`. */
  readonly abandoned?: string | undefined;
}

interface ChunkLike {
  /** Outrider's own: the server that computed this piece, in place of this machine. */
  readonly remote?: { readonly origin: string; readonly superseded?: number } | null;
  readonly choices?: readonly {
    readonly index?: number;
    readonly delta?: {
      readonly content?: string | null;
      readonly refusal?: string | null;
      readonly tool_calls?: readonly CallDelta[] | null;
    };
    readonly finish_reason?: string | null;
  }[];
}

/** A piece of a call, as OpenAI's chunks have it. */
export interface CallDelta {
  readonly index?: number;
  readonly id?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

/**
 * Asks, and tells every piece as it comes.
 * @param request without `stream`, which is added
 * @returns the whole answer
 * @throws whatever the engine throws, the signal's reason, or OutriderError `invalid_request` where it does not stream
 */
export async function streamAnswer(
  engine: OpenAILike,
  request: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  onPiece: (answer: AnswerSoFar, piece: string) => void,
): Promise<AnswerSoFar> {
  // A method of its object: clients keep their settings in `this`.
  const create = engine.chat.completions.create.bind(engine.chat.completions) as (
    ...call: unknown[]
  ) => PromiseLike<unknown>;
  const stream = await create({ ...request, stream: true }, { signal });
  let answer: AnswerSoFar = { text: '', toolCalls: [] };
  for await (const chunk of chunksOf(stream)) {
    const choice = chunk.choices?.[0];
    const piece = choice?.delta?.content ?? choice?.delta?.refusal ?? '';
    const superseded = answer.abandoned === undefined ? (chunk.remote?.superseded ?? 0) : 0;
    answer = {
      text: answer.text.slice(superseded) + piece,
      abandoned: superseded > 0 ? answer.text.slice(0, superseded) : answer.abandoned,
      toolCalls: withCalls(answer.toolCalls, choice?.delta?.tool_calls ?? []),
      finishReason: choice?.finish_reason ?? answer.finishReason,
      computedAt: chunk.remote?.origin ?? answer.computedAt,
    };
    onPiece(answer, piece);
  }
  signal.throwIfAborted(); // some clients end an aborted stream as if it were complete
  return answer;
}

function chunksOf(stream: unknown): AsyncIterable<ChunkLike> {
  if (typeof stream === 'object' && stream !== null && Symbol.asyncIterator in stream) {
    return stream as AsyncIterable<ChunkLike>;
  }
  const message =
    'The engine answered a streaming request with something that is no stream of chunks. It has to honour `stream: true`.';
  throw new OutriderError('invalid_request', message, { details: { field: 'engine' } });
}

/** The calls so far with what a chunk adds. They come in pieces: the name first, the arguments after it. */
export function withCalls(calls: readonly ShownToolCall[], deltas: readonly CallDelta[]): readonly ShownToolCall[] {
  if (deltas.length === 0) return calls;
  const next = [...calls];
  for (const { index = next.length, id, function: piece } of deltas) {
    const before = next[index];
    next[index] = {
      id: id || before?.id || '',
      type: 'function',
      function: {
        name: (before?.function.name ?? '') + (piece?.name ?? ''),
        arguments: (before?.function.arguments ?? '') + (piece?.arguments ?? ''),
      },
    };
  }
  return next.filter((call) => call !== undefined);
}
