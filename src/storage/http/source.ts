/** A model folder on a web server, read by `Range: bytes=a-b`: parallel, retried, and pinned to one version. */
import { OutriderError } from '../../errors.ts';
import { joinParts, streamParts } from '../parts.ts';
import { type RetryNotice, realSurroundings, type Surroundings } from '../retry.ts';
import { checkRange, type FileFacts, type ModelSource, type ReadOptions } from '../source.ts';
import { lookAt, type Pin } from './file.ts';
import { STALL_MS } from './guard.ts';
import { versionOf } from './headers.ts';
import { notThere, type RemoteFile, readRange } from './read.ts';
import { fileError, type Remote } from './request.ts';

export interface HttpOptions {
  /** Sent as `Authorization: Bearer …` to the folder's own origin; never logged, stored or shown. */
  readonly token?: string | undefined;
  /** What the user should know of this server; once per source and kind. */
  readonly onNotice?: ((text: string) => void) | undefined;
  /** Each failure that is about to be tried again. */
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** Connections at a time. Default 6. */
  readonly parallel?: number | undefined;
  /** The longest wait for the next byte. Default 30 s. */
  readonly stallMs?: number | undefined;
  readonly surroundings?: Surroundings | undefined;
}

/** What is known of a folder without asking its server file by file: a repository at one commit. */
export interface Listing {
  readonly label: string;
  readonly id: string;
  readonly files: ReadonlyMap<string, FileFacts>;
}

const UNPINNED =
  'The server shows neither ETag nor Last-Modified: a file that changes while it is read can only be found by its hash.';
const IN_ORDER =
  'The server ignores Range: files are read in order over one connection, and a download that breaks begins again.';

/**
 * @param folder absolute URL of the folder; its query, if any (a signature), is sent with every file
 * @param listing its files, where they are known: no file is looked at then, and only lengths are compared
 * @throws OutriderError `invalid_request` for a URL with a password
 */
export function createHttpSource(folder: string | URL, options: HttpOptions = {}, listing?: Listing): ModelSource {
  const remote = createRemote(folder, options);
  const label = folderId(remote.base);
  const pins = new Map<string, Pin | undefined>();
  const noticed = new Set<string>();
  const notice = (text: string): void => {
    if (noticed.has(text)) return;
    noticed.add(text);
    options.onNotice?.(text);
  };
  const pinOf = async (path: string, signal: AbortSignal | undefined): Promise<Pin | undefined> => {
    if (listing !== undefined) return listedPin(listing, path);
    if (!pins.has(path)) {
      const pin = await lookAt(remote, path, signal);
      // Two who ask at the same time both look; the first answer stays, and the other must agree when it reads.
      if (!pins.has(path)) pins.set(path, pin);
      if (pin !== undefined && versionOf(pin) === undefined) notice(UNPINNED);
      if (pin?.ranges === false) notice(IN_ORDER);
    }
    return pins.get(path);
  };
  const open = async (path: string, start: number, end: number, signal?: AbortSignal): Promise<RemoteFile> => {
    checkRange(path, start, end);
    const pin = await pinOf(path, signal);
    if (pin === undefined) throw notThere(remote, path);
    if (end > pin.size) throw beyondEnd(remote, path, pin.size, end);
    return { remote, path, pin };
  };
  return {
    label: listing?.label ?? label,
    id: listing?.id ?? label,
    async stat(path, { signal } = {}) {
      if (listing !== undefined) return listing.files.get(path);
      const pin = await pinOf(path, signal);
      return pin && { size: pin.size, version: versionOf(pin) };
    },
    async read(path, start, end, { signal } = {}) {
      return joinParts(streamFile(await open(path, start, end, signal), start, end, options, signal), end - start);
    },
    async *stream(path, start, end, { signal }: ReadOptions = {}) {
      yield* streamFile(await open(path, start, end, signal), start, end, options, signal);
    },
  };
}

async function* streamFile(
  file: RemoteFile,
  start: number,
  end: number,
  { parallel }: HttpOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  if (start === end) return;
  if (file.pin.ranges) {
    const readPart = (from: number, to: number, cancelled: AbortSignal) => readRange(file, from, to, cancelled);
    yield* streamParts(readPart, start, end, { parallel, signal });
  } else {
    const { readInOrder } = await import('./in-order.ts');
    yield* readInOrder(file, start, end, signal);
  }
}

/** Names a folder in a cache: its URL without query and fragment. */
export function folderId(folder: string | URL): string {
  const url = new URL(folder);
  return `${url.origin}${folderPath(url)}`;
}

function folderPath({ pathname }: URL): string {
  return pathname.endsWith('/') ? pathname : `${pathname}/`;
}

function createRemote(folder: string | URL, options: HttpOptions): Remote {
  const base = new URL(folder);
  if (base.username !== '' || base.password !== '') {
    const message = `The URL of a folder on ${base.host} holds a user name or password, which browsers refuse. Give a token.`;
    throw new OutriderError('invalid_request', message, { details: { host: base.host } });
  }
  base.hash = '';
  base.pathname = folderPath(base);
  return {
    base,
    token: options.token || undefined,
    fetch: options.fetch ?? ((...args) => fetch(...args)), // called without `this`, which browsers insist on
    stallMs: options.stallMs ?? STALL_MS,
    surroundings: options.surroundings ?? realSurroundings,
    onRetry: options.onRetry,
    reached: false,
    isFast: false,
  };
}

/** A commit never changes, so its lengths are all there is to compare. */
function listedPin({ files }: Listing, path: string): Pin | undefined {
  const facts = files.get(path);
  return facts && { size: facts.size, ranges: true };
}

function beyondEnd(remote: Remote, path: string, size: number, end: number): OutriderError {
  const what = `has ${size} bytes; ${end} were asked for. Check that the upload of the model is complete.`;
  return fileError('network_error', remote, path, what, { size, end });
}
