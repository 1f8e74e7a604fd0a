/** A model's source and its surroundings, misbehaving on demand. */
import { createHash } from 'node:crypto';
import { abortError, OutriderError } from '../../../src/errors.ts';
import { type CachedSource, type CachedSourceOptions, openCached } from '../../../src/storage/cache/cached-source.ts';
import { createNodeHashers } from '../../../src/storage/cache/hasher.ts';
import { type CacheLocks, type Channel, createLocks, type LockRequester } from '../../../src/storage/cache/locks.ts';
import type { CacheNotice } from '../../../src/storage/cache/notices.ts';
import type { BlockStore, Bytes } from '../../../src/storage/cache/store.ts';
import type { FileFacts, ModelSource } from '../../../src/storage/source.ts';

export const PART = 64;

export const hexHash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Bytes that differ between files, versions and offsets. */
export function fileBytes(path: string, version: number, size: number): Bytes {
  const seed = createHash('sha256').update(`${path} ${version}`).digest();
  return Uint8Array.from({ length: size }, (_, i) => seed[i % 32]! ^ ((i * 31) >> 3));
}

export interface FakeFile {
  bytes: Bytes;
  version?: string | undefined;
  sha256?: string | undefined;
}

export interface FakeSource extends ModelSource {
  readonly files: Map<string, FakeFile>;
  /** Ranges that were asked for, and stats. */
  readonly requests: string[];
  /** Called before each read; may throw, or answer other bytes. */
  onRead: (path: string, start: number, bytes: Bytes) => Promise<Bytes> | Bytes;
}

export function createFakeSource(files: Readonly<Record<string, FakeFile>>): FakeSource {
  const facts = (file: FakeFile): FileFacts => ({
    size: file.bytes.length,
    version: file.version,
    sha256: file.sha256,
  });
  const source: FakeSource = {
    label: 'fake',
    id: 'fake:model',
    files: new Map(Object.entries(files)),
    requests: [],
    onRead: (_path, _start, bytes) => bytes,
    async stat(path) {
      source.requests.push(`stat ${path}`);
      const file = source.files.get(path);
      return file && facts(file);
    },
    async read(path, start, end, { signal } = {}) {
      source.requests.push(`read ${path} ${start}-${end}`);
      if (signal?.aborted) throw abortError(signal);
      const file = source.files.get(path);
      if (!file) throw new OutriderError('model_not_found', path);
      const bytes = await source.onRead(path, start, file.bytes.slice(start, end));
      if (signal?.aborted) throw abortError(signal);
      return bytes;
    },
    async *stream(path, start, end) {
      yield await source.read(path, start, end);
    },
  };
  return source;
}

/** Web Locks and broadcast channels of one origin, for as many tabs as wanted. */
export interface FakeOrigin {
  /** One tab: its locks go when it is closed or crashes. */
  openTab(): { readonly locks: CacheLocks; crash(): void };
}

interface Held {
  readonly tab: object;
  readonly mode: LockMode;
  readonly release: () => void;
}

export function createFakeOrigin(): FakeOrigin {
  const held = new Map<string, Held[]>();
  const queues = new Map<string, (() => boolean)[]>();
  const channels = new Set<{ name: string; channel: Channel }>();

  const serve = (name: string): void => {
    const queue = queues.get(name) ?? [];
    while (queue.length > 0 && queue[0]!()) queue.shift();
  };
  const request = (tab: object) => (name: string, options: LockOptions, callback: (lock: unknown) => unknown) =>
    new Promise<unknown>((resolve, reject) => {
      const { mode = 'exclusive', ifAvailable, signal } = options;
      let isDone = false;
      const grant = (): boolean => {
        if (isDone) return true;
        const holders = held.get(name) ?? [];
        if (holders.length > 0 && (mode === 'exclusive' || holders.some((one) => one.mode === 'exclusive')))
          return false;
        isDone = true;
        const release = (): void => {
          held.set(
            name,
            (held.get(name) ?? []).filter((one) => one !== mine),
          );
          serve(name);
        };
        const mine: Held = { tab, mode, release };
        held.set(name, [...holders, mine]);
        Promise.resolve(callback({ name })).then(
          (value) => {
            release();
            resolve(value);
          },
          (error) => {
            release();
            reject(error);
          },
        );
        return true;
      };
      if (grant()) return;
      if (ifAvailable) return resolve(callback(null));
      signal?.addEventListener('abort', () => {
        isDone = true;
        reject(signal.reason);
      });
      queues.set(name, [...(queues.get(name) ?? []), grant]);
    });
  const openChannel = (name: string): Channel => {
    const entry = { name, channel: undefined as unknown as Channel };
    entry.channel = {
      onmessage: null,
      postMessage(data: unknown) {
        for (const other of channels) {
          if (other !== entry && other.name === name) {
            other.channel.onmessage?.call(other.channel as BroadcastChannel, { data } as MessageEvent);
          }
        }
      },
      close: () => void channels.delete(entry),
    };
    channels.add(entry);
    return entry.channel;
  };
  return {
    openTab() {
      const tab = {};
      const locks = createLocks({ locks: { request: request(tab) } as unknown as LockRequester, openChannel });
      return {
        locks,
        crash() {
          for (const [name, holders] of held) {
            held.set(
              name,
              holders.filter((one) => one.tab !== tab),
            );
            serve(name);
          }
        },
      };
    },
  };
}

export interface OpenedCache {
  readonly cache: CachedSource;
  readonly notices: CacheNotice[];
}

/** Opens the fake model in a tab, with small parts. */
export async function openFake(
  source: FakeSource,
  store: BlockStore,
  locks: CacheLocks,
  options: Partial<CachedSourceOptions> = {},
): Promise<OpenedCache> {
  const notices: CacheNotice[] = [];
  const cache = await openCached(async () => source, store, {
    id: source.id!,
    label: source.label,
    locks,
    hashers: await createNodeHashers(),
    onNotice: (notice) => notices.push(notice),
    partBytes: PART,
    ...options,
  });
  return { cache, notices };
}

export async function readAll(cache: ModelSource, path: string): Promise<Bytes> {
  const { size } = (await cache.stat(path))!;
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const piece of cache.stream(path, 0, size)) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
