/**
 * Where a model's files come from: a folder in the Hugging Face layout, read by byte range. Nothing here ever holds a
 * whole weight file; retries and caches are wrappers with the same interface.
 */
import { abortError, OutriderError } from '../errors.ts';

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a source knows of a file before reading it. */
export interface FileFacts {
  /** Bytes. */
  readonly size: number;
  /** Of the whole file, 64 hex digits; only where the source promises one. */
  readonly sha256?: string | undefined;
  /** Changes whenever the file does: the ETag, else Last-Modified; undefined where neither can be read. */
  readonly version?: string | undefined;
}

export interface ModelSource {
  /** For people: the URL, the folder's path, or `3 files`. */
  readonly label: string;
  /**
   * Names the model in a cache: the folder's URL without query and fragment, or `hf:owner/name@commit`. Undefined for what
   * lies on this machine already, which is never cached.
   */
  readonly id?: string | undefined;
  /** The file at `path` (relative to the folder, `/` between parts); undefined where there is none. */
  stat(path: string, options?: ReadOptions): Promise<FileFacts | undefined>;
  /** Bytes [start, end), exactly. Rejects with `model_not_found`, `network_error`, `range_unsupported` or `aborted`. */
  read(path: string, start: number, end: number, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * The same bytes in pieces of any length, for ranges that must not be held whole. Each piece belongs to the consumer.
   * Leaving the loop early cancels the request.
   */
  stream(path: string, start: number, end: number, options?: ReadOptions): AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/**
 * A small text file, decoded as UTF-8; undefined where there is none.
 * @param maxBytes refuse to read more than this: a config is kilobytes, so megabytes mean that it is something else
 */
export async function readText(
  source: ModelSource,
  path: string,
  maxBytes: number,
  options: ReadOptions = {},
): Promise<string | undefined> {
  const size = (await source.stat(path, options))?.size;
  if (size === undefined) return undefined;
  if (size > maxBytes) {
    throw new OutriderError(
      'checkpoint_invalid',
      `${path} has ${size} bytes; at most ${maxBytes} are read. Check that ${source.label} is a model folder.`,
      { details: { file: path, size, maxBytes } },
    );
  }
  if (size === 0) return '';
  // Streamed, because a cache keeps what is streamed.
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const piece of source.stream(path, 0, size, options)) {
    bytes.set(piece, at);
    at += piece.length;
  }
  if (at < size) {
    const message = `${path}: the source ended at byte ${at} of ${size}. Try again.`;
    throw new OutriderError('network_error', message, { details: { file: path, received: at, size } });
  }
  return new TextDecoder().decode(bytes);
}

/** Throws `aborted` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** Checks a byte range that a caller asks for: a wrong one is a defect, not a bad file. */
export function checkRange(path: string, start: number, end: number): void {
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end)) {
    throw new RangeError(`${path}: [${start}, ${end}) is not a byte range`);
  }
}
