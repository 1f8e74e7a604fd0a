/** An answer's pieces between the generation and whoever reads them. */
import type { AnswerStream } from '../types.ts';

type Waiting<Piece> = {
  readonly resolve: (result: IteratorResult<Piece, void>) => void;
  readonly reject: (reason: unknown) => void;
};

/**
 * Takes pieces as fast as they come: the model answers one request at a time, and a reader that stalls, or never reads, must
 * not hold up the others. An answer is never longer than the context, so what waits here is small.
 */
class BufferedStream<Piece> implements AnswerStream<Piece> {
  readonly controller: AbortController;
  readonly #pieces: Piece[] = [];
  readonly #waiting: Waiting<Piece>[] = [];
  #end: { readonly error?: unknown } | undefined;

  constructor(controller: AbortController) {
    this.controller = controller;
  }

  push(piece: Piece): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve({ done: false, value: piece });
    else this.#pieces.push(piece);
  }

  /** No more comes. @param end with an `error` that readers get after the last piece, once */
  end(end: { readonly error?: unknown } = {}): void {
    this.#end ??= end;
    for (const waiting of this.#waiting.splice(0)) this.#settle(waiting);
  }

  /** What waits is not wanted any more. */
  drop(): void {
    this.#pieces.length = 0;
  }

  next(): Promise<IteratorResult<Piece, void>> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) return Promise.resolve({ done: false, value: piece });
    return new Promise((resolve, reject) => {
      if (this.#end) this.#settle({ resolve, reject });
      else this.#waiting.push({ resolve, reject });
    });
  }

  async return(): Promise<IteratorResult<Piece, void>> {
    this.drop();
    this.end();
    this.controller.abort();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #settle({ resolve, reject }: Waiting<Piece>): void {
    const { error } = this.#end!;
    this.#end = {};
    if (error === undefined) resolve({ done: true, value: undefined });
    else reject(error);
  }
}

/**
 * @param pieces the first of them is taken before the stream is given out
 * @param controller its abort ends the stream
 * @param signal fires with the controller, and when the request's own signal does: the stream rejects with that one's reason
 * @param onEnd called once, when the signal is not needed any more
 * @throws whatever `pieces` throws before the first
 */
export async function openStream<Piece>(
  pieces: AsyncIterator<Piece, void, undefined>,
  controller: AbortController,
  signal: AbortSignal,
  onEnd: () => void,
): Promise<AnswerStream<Piece>> {
  const stream = new BufferedStream<Piece>(controller);
  const abort = () => {
    stream.drop();
    stream.end(controller.signal.aborted ? {} : { error: signal.reason });
  };
  const fill = async (first: IteratorResult<Piece, void>) => {
    try {
      for (let item = first; !item.done; item = await pieces.next()) if (!signal.aborted) stream.push(item.value);
      stream.end();
    } catch (error) {
      stream.end({ error });
    } finally {
      signal.removeEventListener('abort', abort);
      onEnd();
    }
  };
  try {
    const first = await pieces.next();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    void fill(first);
    return stream;
  } catch (error) {
    onEnd();
    throw error;
  }
}
