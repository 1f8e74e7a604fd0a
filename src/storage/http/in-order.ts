/** The bytes of a file on a server that ignores `Range`: from its beginning. Loaded where such a server is met. */
import { allocatePart, PART_BYTES } from '../parts.ts';
import type { Body } from './body.ts';
import { endedEarly, openRange, type RemoteFile, tooLong } from './read.ts';
import { fileError, retryRequest } from './request.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * How far into a file a server without `Range` is read to reach a range: the bytes before it are thrown away. Enough for
 * every header, config and tokenizer.
 */
const REACH_BYTES = 32 << 20;

/**
 * Bytes [start, end) from a server without `Range`, part by part over one connection. When it breaks the file is requested
 * again, and what was delivered is skipped.
 * @throws OutriderError `range_unsupported` where too much would have to be skipped before the first byte
 */
export async function* readInOrder(
  file: RemoteFile,
  start: number,
  end: number,
  signal?: AbortSignal,
): AsyncGenerator<Bytes, void, undefined> {
  const { remote, path, pin } = file;
  if (start > REACH_BYTES) {
    const what =
      `can only be read from its beginning, because the server ignores Range: byte ${start} is beyond the first ` +
      `${REACH_BYTES}. Serve the model from a server that supports the Range header.`;
    throw fileError('range_unsupported', remote, path, what, { start, reach: REACH_BYTES });
  }
  const reader = new OrderedReader(file, start, signal);
  try {
    for (let at = start; at < end; ) {
      const bytes = allocatePart(Math.min(end, (Math.floor(at / PART_BYTES) + 1) * PART_BYTES) - at);
      await reader.fill(bytes);
      yield bytes;
      at += bytes.length;
    }
    if (end === pin.size) await reader.expectEnd();
  } finally {
    await reader.close();
  }
}

/** Reads a file front to back, over as many connections as break. */
class OrderedReader {
  readonly #file: RemoteFile;
  readonly #signal: AbortSignal | undefined;
  /** The next byte that is wanted. */
  #wanted: number;
  #body: Body | undefined;
  /** The next byte that the body gives, `#rest` first. */
  #position = 0;
  #rest: Bytes | undefined;

  constructor(file: RemoteFile, start: number, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#wanted = start;
    this.#signal = signal;
  }

  /** Fills `bytes` with what comes next. */
  fill(bytes: Bytes): Promise<void> {
    let filled = 0;
    return this.#retry(async (progress) => {
      while (filled < bytes.length) {
        const piece = await this.#next();
        if (piece === undefined) throw endedEarly(this.#position, this.#file.pin.size);
        const skipped = Math.min(piece.length, this.#wanted - this.#position);
        const taken = piece.subarray(skipped, skipped + bytes.length - filled);
        bytes.set(taken, filled);
        filled += taken.length;
        this.#wanted += taken.length;
        this.#position += skipped + taken.length;
        const rest = piece.subarray(skipped + taken.length);
        this.#rest = rest.length > 0 ? rest : undefined;
        if (taken.length > 0) progress(); // skipping is none: a file that always breaks at one byte must end
      }
    });
  }

  /** @throws OutriderError `network_error` if the body goes on */
  async expectEnd(): Promise<void> {
    await this.#retry(async () => {
      if (this.#body !== undefined && (await this.#next()) !== undefined) {
        throw tooLong(this.#file, this.#file.pin.size);
      }
    });
  }

  async close(): Promise<void> {
    await this.#body?.close();
    this.#body = undefined;
    this.#rest = undefined;
    this.#position = 0;
  }

  /** The next bytes of the body, which is opened where there is none. */
  async #next(): Promise<Bytes | undefined> {
    this.#body ??= await openRange(this.#file, 0, this.#file.pin.size, this.#signal);
    const piece = this.#rest ?? (await this.#body.read());
    this.#rest = undefined;
    return piece;
  }

  #retry(attempt: (progress: () => void) => Promise<void>): Promise<void> {
    return retryRequest(this.#file.remote, this.#file.path, this.#signal, async (progress) => {
      try {
        await attempt(progress);
      } catch (error) {
        await this.close();
        throw error;
      }
    });
  }
}
