/** The bytes of a file on a server, by range. */
import { allocatePart } from '../parts.ts';
import { TransientFailure } from '../retry.ts';
import { type Body, openBody } from './body.ts';
import { checkSuccess, checkUnchanged, discard, isMissing, outOfRange, type Pin } from './file.ts';
import { contentLengthOf, contentRangeOf } from './headers.ts';
import { fileError, type Remote, request, retryRequest } from './request.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** A file that was looked at. */
export interface RemoteFile {
  readonly remote: Remote;
  readonly path: string;
  readonly pin: Pin;
}

/** Bytes [start, end) by range; a connection that breaks is taken up at the byte where it broke. */
export async function readRange(file: RemoteFile, start: number, end: number, signal?: AbortSignal): Promise<Bytes> {
  const part = new PartInMemory(file, end - start);
  await retryRequest(file.remote, file.path, signal, async (progress) => {
    if (part.missing === 0) return; // all but the end of the last body had come
    const expected = part.missing;
    const body = await openRange(file, end - expected, end, signal);
    try {
      await part.fill(body, progress);
    } finally {
      await body.close();
    }
    if (part.missing > 0) throw endedEarly(expected - part.missing, expected);
  });
  return part.bytes;
}

/** A part that comes faster than this is read straight into its memory: a connection that breaks costs no more than that. */
const FAST_MILLISECONDS = 1000;

/**
 * Asked for at a time. Chromium makes an array of what has come and copies that: one of more than a megabyte is new memory
 * each time. CPU seconds per GB in its renderer where 8 MiB are asked for, 1 MiB and 64 KiB: 1.7, 1.45, 1.55.
 */
const READ_BYTES = 1 << 20;

const NOTHING = new Uint8Array();

/** The bytes of one range as they come. */
class PartInMemory {
  bytes: Bytes;
  readonly #file: RemoteFile;
  readonly #length: number;
  #at = 0;

  constructor(file: RemoteFile, length: number) {
    this.#file = file;
    this.#length = length;
    this.bytes = allocatePart(length);
  }

  /** Bytes that have not come. */
  get missing(): number {
    return this.#length - this.#at;
  }

  async fill(body: Body, progress: () => void): Promise<void> {
    const { remote } = this.#file;
    const { now } = remote.surroundings;
    const begun = now();
    if (remote.isFast && this.#at === 0 && body.readInto) await this.#readStraight(body.readInto, progress);
    await this.#readByCopy(body, progress);
    remote.isFast = now() - begun < FAST_MILLISECONDS;
  }

  /** Saves a copy, which is a tenth of the CPU time that reading takes in Chromium. All is lost where it breaks. */
  async #readStraight(readInto: NonNullable<Body['readInto']>, progress: () => void): Promise<void> {
    let { buffer } = this.bytes;
    this.bytes = NOTHING;
    try {
      while (this.missing > 0) {
        const { done, value } = await readInto(new Uint8Array(buffer, this.#at, Math.min(this.missing, READ_BYTES)));
        if (value === undefined) throw new TransientFailure('The connection was closed in the middle.');
        buffer = value.buffer;
        if (done) break;
        this.#at += value.length;
        progress();
      }
      this.bytes = new Uint8Array(buffer);
    } catch (error) {
      this.#file.remote.isFast = false; // the next try keeps what comes
      this.#at = 0;
      this.bytes = allocatePart(this.#length);
      throw error;
    }
  }

  async #readByCopy(body: Body, progress: () => void): Promise<void> {
    const expected = this.missing;
    for (let piece = await body.read(); piece; piece = await body.read()) {
      if (piece.length > this.missing) throw tooLong(this.#file, expected);
      this.bytes.set(piece, this.#at);
      this.#at += piece.length;
      if (piece.length > 0) progress();
    }
  }
}

/** One request for [from, end), checked against what the file was. The body begins at `from`. */
export async function openRange(
  { remote, path, pin }: RemoteFile,
  from: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<Body> {
  const answer = await request(remote, path, 'GET', `bytes=${from}-${end - 1}`, signal);
  const { response } = answer;
  try {
    if (isMissing(remote, path, response)) throw notThere(remote, path);
    if (response.status === 416) throw outOfRange(remote, path, pin, response, end);
    checkSuccess(remote, path, response);
    checkUnchanged(remote, path, pin, response);
    checkWhichBytes(remote, path, pin, response, from, end);
  } catch (error) {
    await discard(answer);
    throw error;
  }
  return openBody(response, answer.guard);
}

/**
 * A whole file may be sent as such; a range must be the one that was asked for. One machine of many that answers wrong may
 * be another one the next time, so that is tried again: before a byte of it was taken.
 */
function checkWhichBytes(
  remote: Remote,
  path: string,
  pin: Pin,
  { status, headers }: Response,
  from: number,
  end: number,
): void {
  if (status === 200) {
    if (from === 0 && end === pin.size) return;
    const what =
      `was answered with the whole file (status 200), not the bytes ${from}-${end - 1} that were asked for (206), ` +
      'though it had honoured Range before. Serve the model from one server that supports the Range header.';
    throw fileError('range_unsupported', remote, path, what, { status, from, end });
  }
  const range = contentRangeOf(headers);
  if (range !== undefined && (range.first !== from || range.last !== end - 1)) {
    const reason = `It sent the bytes ${range.first}-${range.last} where ${from}-${end - 1} were asked for.`;
    throw new TransientFailure(reason, { details: { from, end } });
  }
  const length = contentLengthOf(headers) ?? 0;
  if (length <= end - from) return; // a body that is too short ends early, but what there is of it is right
  const reason = `It announced ${length} bytes where ${end - from} were asked for.`;
  throw new TransientFailure(reason, { details: { received: length, expected: end - from } });
}

/** The error for a file that is read but not there. */
export function notThere(remote: Remote, path: string) {
  return fileError('model_not_found', remote, path, "is not there. Check the address of the model's folder.");
}

export function endedEarly(received: number, expected: number): TransientFailure {
  const reason = `It sent ${received} bytes of the ${expected} that were asked for, and then ended.`;
  return new TransientFailure(reason, { details: { received, expected } });
}

export function tooLong({ remote, path }: RemoteFile, expected: number) {
  const what = `sent more than the ${expected} bytes that were asked for. Try another server.`;
  return fileError('network_error', remote, path, what, { expected });
}
