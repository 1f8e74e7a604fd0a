/** The cache in the browser's private file system, as the reader uses it. */
import type { CompletionProgress, Notice, ReadAbort } from '../model/reader.ts';
import { Channel } from '../ports/channel.ts';
import { type CachedSource, type CachedSourceOptions, openCached } from '../storage/cache/cached-source.ts';
import { findSharedFiles } from '../storage/cache/cross-origin.ts';
import { createWorkerHashers, type HasherPool, type HashWorker, hashWorkerAt } from '../storage/cache/hasher.ts';
import { type CacheLocks, createLocks } from '../storage/cache/locks.ts';
import { createOpfsStore } from '../storage/cache/opfs.ts';
import type { BlockStore } from '../storage/cache/store.ts';
import WriteWorker from '../storage/cache/write-worker.ts?worker&inline';
import { createWriter } from '../storage/cache/writer.ts';
import { folderId } from '../storage/http/source.ts';
import type { ModelLocation } from '../storage/open.ts';
import type { ModelSource } from '../storage/source.ts';
import type { CachedFiles } from './loader.ts';
import type { LoaderServices } from './services.ts';

/** What is stored, and how a model is opened through it. */
export interface ModelCache {
  readonly store: BlockStore;
  readonly locks: CacheLocks;
  /** Of a model that is stored, in part or whole; undefined where nothing is, and for locations that are never stored. */
  storedBytes(location: ModelLocation): Promise<number | undefined>;
  open(
    location: string,
    openSource: () => Promise<ModelSource>,
    notices: Channel<Notice>,
    onFull: 'fail' | 'stream',
  ): Promise<{ readonly source: ModelSource; readonly files: CachedFiles }>;
}

/** Undefined where files cannot be written at any place: only dedicated workers of secure origins can. */
export function openBrowserCache(services: LoaderServices): ModelCache | undefined {
  const canWrite =
    typeof FileSystemFileHandle !== 'undefined' && 'createSyncAccessHandle' in FileSystemFileHandle.prototype;
  if (!canWrite || !navigator.storage || !navigator.locks) return undefined;
  return createModelCache({
    store: createOpfsStore(createWriter(() => new WriteWorker({ name: 'outrider-write' }))),
    locks: createLocks(),
    createHashers: async () => createWorkerHashers(() => hashWorkerBehind(services)),
    shared: findSharedFiles(),
  });
}

function hashWorkerBehind(services: LoaderServices): HashWorker {
  const { port1, port2 } = new MessageChannel();
  const worker = hashWorkerAt(port1);
  services
    .startHashWorker(port2)
    .catch((cause) =>
      worker.onerror?.call(port1 as unknown as Worker, new ErrorEvent('error', { message: String(cause) })),
    );
  return worker;
}

/** What a cache stands on: the browser's, or a test's. */
export interface CachePlatform extends Pick<CachedSourceOptions, 'shared' | 'partBytes'> {
  readonly store: BlockStore;
  readonly locks: CacheLocks;
  /** For one model. */
  readonly createHashers: () => Promise<HasherPool>;
}

export function createModelCache({ store, locks, createHashers, ...options }: CachePlatform): ModelCache {
  return {
    store,
    locks,
    async storedBytes(location) {
      const id = typeof location === 'string' ? await storedIdOf(location, store, locks) : undefined;
      if (id === undefined) return undefined;
      return (await listModels(store, locks)).find((model) => model.id === id)?.storedBytes;
    },
    async open(location, openSource, notices, onFull) {
      const known = await storedIdOf(location, store, locks);
      const opened = known === undefined ? openSource() : undefined;
      const id = known ?? (await opened!).id!;
      const hashers = await createHashers();
      const cached = await openCached(() => opened ?? openSource(), store, {
        ...options,
        id,
        label: location.replace(/[?#].*$/, ''),
        locks,
        hashers,
        onFull,
        onNotice: ({ message }) => notices.push({ kind: 'notice', text: message }),
        onWait: (progress) => notices.push({ kind: 'waiting', text: describeWait(progress) }),
      });
      return { source: cached, files: filesOf(cached, location, () => hashers.close()) };
    },
  };
}

async function listModels(store: BlockStore, locks: CacheLocks) {
  const { createCacheManager } = await import('../storage/cache/manage.ts');
  return createCacheManager(store, locks).listModels();
}

/**
 * The id under which a location is stored, as far as that can be said without the network: folders are named by their URL, a
 * repository without a commit by the one that was complete last.
 */
async function storedIdOf(location: string, store: BlockStore, locks: CacheLocks): Promise<string | undefined> {
  if (!location.startsWith('hf:')) return folderId(location);
  if (/@[0-9a-f]{40}$/.test(location)) return location;
  const models = await listModels(store, locks);
  return models.find(({ complete, meta }) => complete && meta.location === location)?.id;
}

function filesOf(cached: CachedSource, location: string, close: () => void): CachedFiles {
  return {
    async *complete(paths: readonly string[], { signal }: ReadAbort) {
      const progress = new Channel<CompletionProgress>();
      const completing = cached
        .complete(paths, {
          signal,
          onProgress: ({ phase, path, loaded, total }) =>
            progress.push({ phase: phase === 'hash' ? 'verify' : 'download', file: path, loaded, total }),
        })
        .finally(() => progress.close());
      completing.catch(() => {}); // thrown below
      yield* progress;
      const { replaced, stored } = await completing;
      if (stored) await cached.setMeta({ ...cached.meta, location, lastUsed: Date.now() });
      for (const { path } of replaced) yield { phase: 'replaced', file: path, loaded: 0, total: 0 };
    },
    async close() {
      await cached.close();
      close();
    },
  };
}

function describeWait(progress: { readonly loaded: number; readonly total: number } | undefined): string {
  const share = progress && progress.total > 0 ? ` (${Math.floor((100 * progress.loaded) / progress.total)} %)` : '';
  return `Another tab is downloading this model${share}`;
}
