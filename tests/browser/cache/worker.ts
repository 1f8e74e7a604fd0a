/** The cache over OPFS, WebCrypto, Web Locks and the hash worker, as a dedicated worker has them. */
import { OutriderError } from '../../../src/errors.ts';
import { openCached } from '../../../src/storage/cache/cached-source.ts';
import { createWorkerHashers } from '../../../src/storage/cache/hasher.ts';
import { createLocks } from '../../../src/storage/cache/locks.ts';
import { createCacheManager } from '../../../src/storage/cache/manage.ts';
import type { CacheNotice } from '../../../src/storage/cache/notices.ts';
import { createOpfsStore } from '../../../src/storage/cache/opfs.ts';
import type { ModelSource } from '../../../src/storage/source.ts';

export type Request =
  | { readonly do: 'load'; readonly url: string }
  | { readonly do: 'list' | 'verify' | 'delete' | 'damage'; readonly url: string };

export interface Answer {
  readonly error?: string;
  readonly result?: unknown;
  readonly notices: CacheNotice[];
}

const PATH = 'model.safetensors';
const store = createOpfsStore();
const locks = createLocks();
const notices: CacheNotice[] = [];

/** The test's server, as it is: no retries. */
function sourceAt(url: string): ModelSource {
  const source: ModelSource = {
    label: url,
    id: url,
    stat: async (path) => (path === PATH ? (await fetch(`${url}facts`)).json() : undefined),
    async read(_path, start, end, { signal } = {}) {
      const response = await fetch(url, { headers: { range: `bytes=${start}-${end - 1}` }, signal: signal ?? null });
      return new Uint8Array(await response.arrayBuffer());
    },
    async *stream(path, start, end, options) {
      yield await source.read(path, start, end, options);
    },
  };
  return source;
}

/** @returns the SHA-256 of the bytes that came out */
async function load(url: string): Promise<{ hash: string; seconds: number }> {
  const startHashWorker = () =>
    new Worker(new URL('../../../src/storage/cache/hash-worker.ts', import.meta.url), { type: 'module' });
  const hashers = createWorkerHashers(startHashWorker);
  const options = { id: url, label: url, locks, hashers, onNotice: (notice: CacheNotice) => void notices.push(notice) };
  const cache = await openCached(async () => sourceAt(url), store, options);
  try {
    const begin = performance.now();
    const { size } = (await cache.stat(PATH))!;
    const bytes = new Uint8Array(size);
    let loaded = 0;
    for await (const piece of cache.stream(PATH, 0, size)) {
      bytes.set(piece, loaded);
      loaded += piece.length;
      postMessage({ loaded });
    }
    await cache.complete([PATH]);
    const seconds = (performance.now() - begin) / 1000;
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return { hash: Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join(''), seconds };
  } finally {
    await cache.close();
    hashers.close();
  }
}

/** Flips a bit of the largest file, behind the cache's back. */
async function damage(): Promise<void> {
  const [directory] = await store.directories();
  const files = await store.list(directory!);
  const { name } = files.reduce((most, file) => (file.size > most.size ? file : most));
  const file = await store.open(directory!, name, 'write');
  const byte = new Uint8Array(1);
  await file.read(byte, 9 << 20);
  byte[0]! ^= 1;
  await file.write(byte, 9 << 20);
  await file.flush();
  file.close();
}

function answer(request: Request): Promise<unknown> {
  const manager = createCacheManager(store, locks);
  switch (request.do) {
    case 'load':
      return load(request.url);
    case 'list':
      return manager.listModels();
    case 'verify':
      return manager.verifyModel(request.url);
    case 'delete':
      return manager.deleteModel(request.url);
    case 'damage':
      return damage();
  }
}

globalThis.onmessage = async ({ data }: MessageEvent<Request>) => {
  try {
    postMessage({ result: await answer(data), notices } satisfies Answer);
  } catch (error) {
    const text = error instanceof OutriderError ? `${error.code}: ${error.message}` : String(error);
    postMessage({ error: text, notices } satisfies Answer);
  }
};
