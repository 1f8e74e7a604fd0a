/** A byte range as an ordered stream of parts that are fetched in parallel. */

import { abortError } from '../errors.ts';
import { linkAbort } from './abort.ts';
import { checkRange } from './source.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Ranges are cut at multiples of this, counted from the start of the FILE, so that caches and sources cut alike. */
export const PART_BYTES = 8 << 20;

/**
 * Buffers of parts that have been used up. Memory from the system costs half a second of CPU per GB, five times as much as
 * copying into it, and what the collector has not come to yet counts as used.
 */
const spare: ArrayBuffer[] = [];
const MAX_SPARE = 4;

/** Room for bytes of a part, with anything in it; all of an ArrayBuffer. */
export function allocatePart(length: number): Bytes {
  return new Uint8Array((length === PART_BYTES && spare.pop()) || new ArrayBuffer(length));
}

/** Takes a buffer that nobody uses any more, whoever made it; one that was transferred away is nothing. */
export function recyclePart(buffer: ArrayBuffer): void {
  if (buffer.byteLength === PART_BYTES && spare.length < MAX_SPARE) spare.push(buffer);
}

/** Lets go of what is spare: nothing is read for a while. */
export function dropSpareParts(): void {
  spare.length = 0;
}

/** Parts of one stream that are in memory, where nothing else is said. */
export const WINDOW_PARTS = 8;

/**
 * Reads bytes [start, end), which lie in one part. The result fills an ArrayBuffer of its own, which can be transferred.
 * `signal` fires when the stream is left, fails elsewhere or is aborted: the result is not waited for then.
 */
export type ReadPart = (start: number, end: number, signal: AbortSignal) => Promise<Bytes>;

export interface PartsOptions {
  /** Parts in flight at a time. Browsers open at most 6 connections to one HTTP/1.1 server. Default 6. */
  readonly parallel?: number | undefined;
  /** Parts in memory: in flight, or waiting for the consumer. Default `WINDOW_PARTS`. */
  readonly window?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default PART_BYTES; a cache keeps to what its journal says. */
  readonly partBytes?: number | undefined;
}

/** The pieces [start, end) that a range is cut into. */
export function* cutParts(
  start: number,
  end: number,
  partBytes = PART_BYTES,
): Generator<{ start: number; end: number }> {
  for (let at = start; at < end; ) {
    const cut = Math.min(end, (Math.floor(at / partBytes) + 1) * partBytes);
    yield { start: at, end: cut };
    at = cut;
  }
}

/**
 * Bytes [start, end) in order, one piece per part; each piece belongs to the consumer. The first part that fails cancels
 * all others, and its error is thrown at once; leaving the loop early cancels everything.
 * @throws OutriderError `aborted`, or whatever `readPart` rejects with.
 */
export async function* streamParts(
  readPart: ReadPart,
  start: number,
  end: number,
  { parallel = 6, window = WINDOW_PARTS, signal, partBytes }: PartsOptions = {},
): AsyncGenerator<Bytes, void, undefined> {
  checkRange('a stream of parts', start, end);
  const { controller, release } = linkAbort(signal);
  const parts = cutParts(start, end, partBytes);
  const waiting: Promise<Bytes>[] = [];
  let inFlight = 0;
  let failure: { readonly error: unknown } | undefined;
  let rejectTaken: (error: unknown) => void = () => {};
  const fail = (error: unknown): void => {
    failure ??= { error };
    rejectTaken(failure.error);
  };
  const onAbort = (): void => fail(abortError(controller.signal));
  controller.signal.addEventListener('abort', onAbort);
  // A part far ahead may fail while the next in order is still on its way: that must not wait. Not Promise.race with one
  // promise of the failure: that would hold every piece until the end.
  const take = (part: Promise<Bytes>): Promise<Bytes> =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) return reject(failure.error);
      rejectTaken = reject;
      part.then(resolve, reject);
    });

  const fetchOne = async (part: { start: number; end: number }): Promise<Bytes> => {
    inFlight++;
    try {
      return await readPart(part.start, part.end, controller.signal);
    } catch (error) {
      fail(error); // the first call decides, so this comes before the others are told to stop
      controller.abort();
      throw error;
    } finally {
      inFlight--;
      fill();
    }
  };
  const fill = (): void => {
    while (inFlight < parallel && waiting.length < window && !controller.signal.aborted) {
      const next = parts.next();
      if (next.done) return;
      const part = fetchOne(next.value);
      part.catch(() => {});
      waiting.push(part);
    }
  };

  try {
    for (fill(); waiting.length > 0; fill()) {
      const piece = await take(waiting[0]!);
      waiting.shift();
      fill();
      yield piece;
    }
  } finally {
    release();
    controller.abort();
  }
}

/** All pieces of a stream in one array of `length` bytes; a single piece as it is. */
export async function joinParts(pieces: AsyncIterable<Bytes>, length: number): Promise<Bytes> {
  let bytes: Bytes | undefined;
  let at = 0;
  for await (const piece of pieces) {
    if (piece.length === length) return piece;
    bytes ??= new Uint8Array(length);
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes ?? new Uint8Array();
}
