/** The bytes of a response, piece by piece. */
import { TransientFailure } from '../retry.ts';
import type { Guard } from './guard.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Larger than what a stream hands out at once, so that one read empties its queue. */
const SCRATCH_BYTES = 1 << 20;

export interface Body {
  /** The next bytes, valid until the next call; undefined at the end. @throws TransientFailure, OutriderError `aborted` */
  read(): Promise<Bytes | undefined>;
  /** Ends the request, wherever it stands. Must be called. */
  close(): Promise<void>;
}

/**
 * Reads into one buffer of its own where streams of bytes are to be had: in Chromium that is 1.5 times as fast as taking
 * the pieces that fetch allocates, under Node as fast. Straight into the part's memory would be faster still by a tenth,
 * but a connection that breaks takes the buffer with it, and with that the bytes that had come.
 */
export function openBody(response: Response, guard: Guard): Body {
  const read = readerOf(response);
  const broken = (cause: unknown) => new TransientFailure('The connection broke in the middle.', { cause });
  return {
    read: () => guard.wait(read.next(), broken),
    async close() {
      guard.end();
      await read.cancel();
    },
  };
}

function readerOf(response: Response): { next(): Promise<Bytes | undefined>; cancel(): Promise<void> } {
  const { body } = response;
  if (body === null) return { next: async () => undefined, cancel: async () => {} };
  const cancelQuietly = (reader: ReadableStreamGenericReader) => reader.cancel().catch(() => {}); // broken already
  const byteReader = openByteReader(body);
  if (byteReader === undefined) {
    const reader: ReadableStreamDefaultReader<Bytes> = body.getReader(); // Safari has no async iteration of streams
    return { next: async () => (await reader.read()).value, cancel: () => cancelQuietly(reader) };
  }
  let scratch = new Uint8Array(SCRATCH_BYTES);
  return {
    async next() {
      const { done, value } = await byteReader.read(scratch);
      if (value === undefined || done) return undefined;
      scratch = new Uint8Array(value.buffer);
      return value;
    },
    cancel: () => cancelQuietly(byteReader),
  };
}

function openByteReader(body: ReadableStream<Bytes>): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: 'byob' });
  } catch {
    return undefined; // not a stream of bytes in this browser
  }
}
