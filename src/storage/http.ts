/**
 * A model folder on a web server, read by `Range: bytes=a-b`. Lengths are counted on the bytes that arrive, never taken
 * from Content-Length, which describes a compressed body where there is one.
 */
import { OutriderError } from '../errors.ts';
import { abortError, checkRange, type ModelSource, type ReadOptions, throwIfAborted } from './source.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** @param folder absolute URL of the folder; its query, if any (a signature), is sent with every file */
export function createHttpSource(folder: string | URL): ModelSource {
  const base = new URL(folder);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  const urlOf = (path: string): string => {
    const url = new URL(path.split('/').map(encodeURIComponent).join('/'), base);
    url.search = base.search;
    return url.href;
  };
  return {
    label: `${base.origin}${base.pathname}`,
    id: `${base.origin}${base.pathname}`,
    async stat(path, options = {}) {
      const size = await fetchSize(urlOf(path), path, options);
      return size === undefined ? undefined : { size };
    },
    async read(path, start, end, options = {}) {
      checkRange(path, start, end);
      const bytes = new Uint8Array(end - start);
      let at = 0;
      for await (const piece of streamRange(urlOf(path), path, start, end, options)) {
        bytes.set(piece, at);
        at += piece.length;
      }
      return bytes;
    },
    stream(path, start, end, options = {}) {
      checkRange(path, start, end);
      return streamRange(urlOf(path), path, start, end, options);
    },
  };
}

async function fetchSize(url: string, path: string, options: ReadOptions): Promise<number | undefined> {
  const response = await request(url, 'GET', 'bytes=0-0', options);
  const total = contentRange(response)?.total;
  await discard(response);
  if (isMissing(response, path, url)) return undefined;
  if (response.status === 416 && total === 0) return 0; // the first byte of an empty file cannot be had
  checkStatus(response, url);
  return total ?? (await sizeByHead(url, options));
}

/** Across origins Content-Range is only visible where the server exposes it; Content-Length always is. */
async function sizeByHead(url: string, options: ReadOptions): Promise<number> {
  const response = await request(url, 'HEAD', undefined, options);
  const length = response.headers.get('content-length');
  if (!response.ok || length === null || response.headers.has('content-encoding')) {
    throw failure(url, 'does not tell the size of the file. Let the server expose the header Content-Range.');
  }
  return Number(length);
}

async function* streamRange(
  url: string,
  path: string,
  start: number,
  end: number,
  options: ReadOptions,
): AsyncGenerator<Bytes> {
  if (start === end) return;
  const response = await request(url, 'GET', `bytes=${start}-${end - 1}`, options);
  try {
    if (isMissing(response, path, url)) {
      throw new OutriderError('model_not_found', `${url} is not there. Check the address of the model's folder.`, {
        details: { url },
      });
    }
    checkStatus(response, url);
    checkContentRange(response, url, start, end);
  } catch (error) {
    await discard(response);
    throw error;
  }
  yield* countedBody(response, url, end - start, options);
}

/** The body in pieces; fails where it is shorter or longer than asked for. */
async function* countedBody(
  response: Response,
  url: string,
  expected: number,
  options: ReadOptions,
): AsyncGenerator<Bytes> {
  const reader = response.body!.getReader(); // Safari has no async iteration of streams
  const wrongLength = (relation: string, cause?: unknown): OutriderError => {
    const what = `sent ${received} bytes${relation} of the ${expected} that were asked for. Load again.`;
    return failure(url, what, { received, expected }, cause);
  };
  let received = 0;
  try {
    for (;;) {
      const { done, value } = await readPiece(reader, options, (cause) => wrongLength(' and then broke off,', cause));
      if (done) break;
      received += value.length;
      if (received > expected) throw wrongLength(' instead');
      yield value;
    }
    if (received < expected) throw wrongLength('');
  } finally {
    await reader.cancel().catch(() => {}); // after the end it does nothing; before it, it frees the connection
  }
}

async function readPiece(
  reader: ReadableStreamDefaultReader<Bytes>,
  { signal }: ReadOptions,
  onBroken: (cause: unknown) => OutriderError,
): Promise<ReadableStreamReadResult<Bytes>> {
  try {
    return await reader.read();
  } catch (cause) {
    throw signal?.aborted ? abortError(signal) : onBroken(cause);
  }
}

async function request(
  url: string,
  method: 'GET' | 'HEAD',
  range: string | undefined,
  { signal }: ReadOptions,
): Promise<Response> {
  throwIfAborted(signal);
  try {
    const headers: Record<string, string> = range === undefined ? {} : { range };
    return await fetch(url, { method, headers, ...(signal ? { signal } : {}) });
  } catch (cause) {
    if (signal?.aborted) throw abortError(signal);
    const what = 'could not be reached. Check the address, the network, and that the server allows this origin (CORS).';
    throw failure(url, what, {}, cause);
  }
}

/**
 * Whether the file is not there. Servers of single-page apps answer every path with their index page: for a file that
 * a model must have that is worth its own message, for the others it is their way to say 404.
 */
function isMissing(response: Response, path: string, url: string): boolean {
  if (response.status === 404 || response.status === 410) return true;
  const isPage = response.ok && (response.headers.get('content-type') ?? '').startsWith('text/html');
  if (!isPage) return false;
  if (path !== 'config.json' && !path.endsWith('.safetensors')) return true;
  throw new OutriderError(
    'model_not_found',
    `${url} is a web page (text/html), not a model file: the server answers every path with a page. ` +
      "Check the address of the model's folder, and that missing files get a 404.",
    { details: { url, contentType: 'text/html' } },
  );
}

function checkStatus(response: Response, url: string): void {
  const { status } = response;
  if (status === 206) return;
  if (status === 200) {
    throw new OutriderError(
      'range_unsupported',
      `${url} was answered with the whole file (status 200), not the range that was asked for (206). ` +
        'Serve the model from a server that supports the Range header.',
      { details: { url, status } },
    );
  }
  const advice = status === 401 || status === 403 ? 'It needs a login, or is not public.' : 'Try again later.';
  throw failure(url, `was answered with status ${status}. ${advice}`, { status });
}

function checkContentRange(response: Response, url: string, start: number, end: number): void {
  const range = contentRange(response);
  if (range === undefined || (range.first === start && range.last === end - 1)) return;
  throw failure(url, `sent bytes ${range.first}-${range.last} where ${start}-${end - 1} were asked for.`, {
    start,
    end,
  });
}

/** `bytes a-b/total` or `bytes * /total`; undefined where the header is absent, hidden by CORS or of another form. */
function contentRange(response: Response): Partial<Record<'first' | 'last' | 'total', number | undefined>> | undefined {
  const match = /^bytes (?:(\d+)-(\d+)|\*)\/(?:(\d+)|\*)$/.exec(response.headers.get('content-range') ?? '');
  if (match === null) return undefined;
  const [first, last, total] = match.slice(1).map((text) => (text === undefined ? undefined : Number(text)));
  return { first, last, total };
}

/** Frees the connection without reading a body that may be gigabytes long. */
async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

function failure(url: string, what: string, details: Readonly<Record<string, number>> = {}, cause?: unknown) {
  return new OutriderError('network_error', `${url} ${what}`, { cause, details: { url, ...details } });
}
