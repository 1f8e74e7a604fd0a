/** What a server says of a file, once; and whether it still says the same. */

import { openBody } from './body.ts';
import {
  compressionOf,
  contentLengthOf,
  contentRangeOf,
  differenceOf,
  type Validators,
  validatorsOf,
} from './headers.ts';
import { type Answer, fileError, type Remote, request, retryRequest } from './request.ts';

/** What a file was when it was first looked at. Every later response must agree. */
export interface Pin extends Validators {
  /** Bytes. */
  readonly size: number;
  /** Whether the server honours `Range`. */
  readonly ranges: boolean;
}

/** A one-byte body is read, so that its connection can be used again; nothing longer is. */
const DRAIN_BYTES = 1024;

/**
 * Looks at a file with one request for its first byte, and a second for its size where Content-Range is hidden.
 * @returns undefined where there is no such file
 * @throws OutriderError `network_error`, `access_denied`, `model_not_found` for a page instead of a model file, `aborted`
 */
export function lookAt(remote: Remote, path: string, signal: AbortSignal | undefined): Promise<Pin | undefined> {
  return retryRequest(remote, path, signal, async () => {
    const answer = await request(remote, path, 'GET', 'bytes=0-0', signal);
    const { status, headers } = answer.response;
    try {
      if (isMissing(remote, path, answer.response)) return undefined;
      if (status === 416) return { size: 0, ranges: true, ...validatorsOf(headers) }; // an empty file has no first byte
      checkSuccess(remote, path, answer.response);
      const told = status === 206 ? contentRangeOf(headers)?.total : contentLengthOf(headers);
      const size = told ?? (await sizeByHead(remote, path, signal));
      return { size, ranges: status === 206 || size === 0, ...validatorsOf(headers) };
    } finally {
      await discard(answer);
    }
  });
}

/**
 * Across origins Content-Range is only visible where the server exposes it; Content-Length always is. The range asks for
 * everything: its point is that fetch adds "uncompressed, please" to requests with one.
 */
async function sizeByHead(remote: Remote, path: string, signal: AbortSignal | undefined): Promise<number> {
  const answer = await request(remote, path, 'HEAD', 'bytes=0-', signal);
  answer.guard.end();
  const { ok, headers } = answer.response;
  const length = contentLengthOf(headers);
  if (ok && length !== undefined) return length;
  const advice = 'Let the server expose the header Content-Range, or send Content-Length.';
  throw fileError('network_error', remote, path, `does not tell the size of the file. ${advice}`);
}

/**
 * Whether the file is not there. Servers of single-page apps answer every path with their index page: for a file that
 * a model must have that is worth its own message, for the others it is their way to say 404.
 */
export function isMissing(remote: Remote, path: string, { status, ok, headers }: Response): boolean {
  if (status === 404 || status === 410) return true;
  const isPage = ok && (headers.get('content-type') ?? '').startsWith('text/html');
  if (!isPage) return false;
  if (path !== 'config.json' && !path.endsWith('.safetensors')) return true;
  const what =
    'is a web page (text/html), not a model file: the server answers every path with a page. ' +
    "Check the address of the model's folder, and that missing files get a 404.";
  throw fileError('model_not_found', remote, path, what, { contentType: 'text/html' });
}

/** @throws OutriderError `network_error` for a status that no second try changes, and for compressed bytes */
export function checkSuccess(remote: Remote, path: string, { status, headers }: Response): void {
  if (status !== 200 && status !== 206) {
    const what = `was answered with status ${status}, where 206 or 200 was needed. Check the address and the server.`;
    throw fileError('network_error', remote, path, what, { status });
  }
  const encoding = compressionOf(headers);
  if (encoding === undefined) return;
  const what =
    `was sent compressed (Content-Encoding: ${encoding}) although ${status === 206 ? 'a range' : 'no compression'} ` +
    'was asked for: its bytes cannot be counted. Switch compression off for this folder on the server.';
  throw fileError('network_error', remote, path, what, { encoding });
}

/** @throws OutriderError `source_changed` where a response is of another file than the one that was looked at */
export function checkUnchanged(remote: Remote, path: string, pin: Pin, { status, headers }: Response): void {
  const size = status === 200 ? contentLengthOf(headers) : contentRangeOf(headers)?.total;
  if (size !== undefined && size !== pin.size) throw changed(remote, path, 'bytes', pin.size, size);
  const difference = differenceOf(pin, validatorsOf(headers));
  if (difference !== undefined) throw changed(remote, path, 'version', difference.before, difference.now);
}

function changed<T extends string | number>(remote: Remote, path: string, what: string, before: T, now: T) {
  const [a, b] = what === 'bytes' ? [`${before} bytes`, `${now} bytes`] : [before, now];
  const advice = 'Bytes of two versions are never mixed: load again to get the new one.';
  return fileError('source_changed', remote, path, `changed while it was read: from ${a} to ${b}. ${advice}`, {
    what,
    before,
    now,
  });
}

/** The error for a range that the server says is not in the file. */
export function outOfRange(remote: Remote, path: string, pin: Pin, { headers }: Response, end: number) {
  const size = contentRangeOf(headers)?.total;
  if (size === pin.size) {
    const what = `refused the bytes up to ${end} (status 416) although it has ${size}. Try another server.`;
    return fileError('network_error', remote, path, what, { status: 416, end, size });
  }
  if (size !== undefined) return changed(remote, path, 'bytes', pin.size, size);
  return changed(remote, path, 'length', `${pin.size} bytes`, 'fewer');
}

/** Ends a request whose body nobody wants. */
export async function discard({ response, guard }: Answer): Promise<void> {
  const body = openBody(response, guard);
  try {
    if (response.status !== 206) return;
    let read = 0;
    for (let piece = await body.read(); piece && read < DRAIN_BYTES; piece = await body.read()) read += piece.length;
  } catch {
    // What was wanted of the answer has been read.
  } finally {
    await body.close();
  }
}
