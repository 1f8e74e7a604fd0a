/** The bytes of a response, piece by piece. */
import { isNode } from '../platform.ts';
import { TransientFailure } from '../retry.ts';
import type { Guard } from './guard.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Larger than what a stream hands out at once, so that one read empties its queue. */
const SCRATCH_BYTES = 1 << 20;

/** `value` is empty at the end. */
export type ReadInto = ReadableStreamReadResult<Bytes>;

export interface Body {
  /** The next bytes, valid until the next call; undefined at the end. @throws TransientFailure, OutriderError `aborted` */
  read(): Promise<Bytes | undefined>;
  /**
   * The same into the memory of `view`, which is taken away and comes back as the buffer of `value`, at the place of `view`.
   * What fails keeps the memory, and with it what was there before. Undefined where streams cannot do that.
   */
  readonly readInto: ((view: Bytes) => Promise<ReadInto>) | undefined;
  /** Ends the request, wherever it stands. Must be called. */
  close(): Promise<void>;
}

/**
 * Streams of bytes are read into memory of ours where that can be: in Chromium that is 1.5 times as fast as taking the pieces
 * that fetch allocates. Not under Node: there fetch allocates its pieces all the same, and each read makes a new object of
 * our memory, which V8 takes for new memory; it collects garbage all the time then, for more CPU time than the reading takes.
 * What helps there is to free the pieces ourselves.
 */
export function openBody(response: Response, guard: Guard): Body {
  const read = readerOf(response);
  const { into } = read;
  const broken = (cause: unknown) => new TransientFailure('The connection broke in the middle.', { cause });
  return {
    read: () => guard.wait(read.next(), broken),
    readInto: into && ((view) => guard.wait(into(view), broken)),
    async close() {
      guard.end();
      await read.cancel();
    },
  };
}

interface PieceReader {
  next(): Promise<Bytes | undefined>;
  readonly into?: (view: Bytes) => Promise<ReadInto>;
  cancel(): Promise<void>;
}

function readerOf(response: Response): PieceReader {
  const { body } = response;
  if (body === null) return { next: async () => undefined, cancel: async () => {} };
  const byteReader = openByteReader(body);
  if (byteReader && isNode()) {
    byteReader.releaseLock();
    return ownPieces(body.getReader());
  }
  if (byteReader === undefined) {
    const reader: ReadableStreamDefaultReader<Bytes> = body.getReader(); // Safari has no async iteration of streams
    return { next: async () => (await reader.read()).value, cancel: () => cancelQuietly(reader) };
  }
  let scratch = new Uint8Array(SCRATCH_BYTES);
  return {
    async next() {
      const { done, value } = await byteReader.read(scratch);
      if (done || !value) return undefined;
      scratch = new Uint8Array(value.buffer);
      return value;
    },
    into: (view) => byteReader.read(view) as Promise<ReadInto>,
    cancel: () => cancelQuietly(byteReader),
  };
}

const cancelQuietly = (reader: ReadableStreamGenericReader) => reader.cancel().catch(() => {}); // broken already

/** The pieces of a stream of bytes, which are the reader's alone, each freed when the next one is asked for. */
function ownPieces(reader: ReadableStreamDefaultReader<Bytes>): PieceReader {
  let last: Bytes | undefined;
  return {
    async next() {
      if (last) free(last.buffer);
      last = (await reader.read()).value;
      return last;
    },
    cancel: () => cancelQuietly(reader),
  };
}

let nowhere: MessagePort | undefined;

/** Memory that goes to nobody is free at once, and in use again while the processor's caches have it; garbage waits. */
function free(buffer: ArrayBuffer): void {
  if (!nowhere) {
    const { port1, port2 } = new MessageChannel();
    port2.close();
    nowhere = port1;
  }
  nowhere.postMessage(undefined, [buffer]);
}

function openByteReader(body: ReadableStream<Bytes>): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: 'byob' });
  } catch {
    return undefined; // not a stream of bytes in this browser
  }
}
