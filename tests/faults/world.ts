/** One fault run's world under Node: a server, perhaps a hub, a disk, and tabs that load. */
import { OutriderError } from '../../src/errors.ts';
import type { GhostRequest } from '../../src/ghost/faults.ts';
import { type GhostServer, serveGhost } from '../../src/ghost/server.ts';
import type { GhostFile } from '../../src/ghost/types.ts';
import { createModelCache } from '../../src/loader/browser-cache.ts';
import { openReader, type ReaderOptions } from '../../src/loader/host.ts';
import { createNodeHashers } from '../../src/storage/cache/hasher.ts';
import { readJournal } from '../../src/storage/cache/journal.ts';
import type { CacheLocks } from '../../src/storage/cache/locks.ts';
import { storedBytes } from '../../src/storage/cache/records.ts';
import type { BlockFile, BlockStore } from '../../src/storage/cache/store.ts';
import { openSource } from '../../src/storage/open.ts';
import { realSurroundings, type Surroundings } from '../../src/storage/retry.ts';
import { createFakeOrigin, type FakeOrigin } from '../storage/cache/fakes.ts';
import { createMemoryStore, type MemoryStore } from '../storage/cache/memory-store.ts';
import { type Hub, listing, serveHub } from './hub.ts';
import { PART, SPEC, WEIGHTS } from './model.ts';
import { type Digests, loadDigests } from './sink.ts';

/** The longest wait for the next byte, in ms: the only time that passes for real. */
const STALL_MS = 400;

export interface Tab {
  readonly locks: CacheLocks;
  readonly store: BlockStore;
  /** Its locks go, and nothing that it still tries reaches the disk. */
  crash(): void;
}

export interface LoadOptions extends Pick<ReaderOptions, 'cache'> {
  readonly tab?: Tab | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface World {
  readonly server: GhostServer;
  readonly store: MemoryStore;
  readonly kind: 'url' | 'hub';
  /** What the server has now. */
  revision: number;
  offline: boolean;
  openTab(): Tab;
  load(options?: LoadOptions): Promise<Digests>;
  /** The one directory of the store; undefined before the first load. */
  directory(): string | undefined;
  /** Bytes of these files (default the weights) that are not stored. */
  missingBytes(files?: readonly GhostFile[]): Promise<number>;
  close(): Promise<void>;
}

const tree = listing(SPEC);

export async function createWorld(kind: World['kind']): Promise<World> {
  const server = await serveGhost({ spec: SPEC });
  const hub: Hub | undefined = kind === 'hub' ? await serveHub(server.url, tree) : undefined;
  const origin = createFakeOrigin();
  const store = createMemoryStore();
  const world: World = {
    server,
    store,
    kind,
    revision: 0,
    offline: false,
    openTab: () => openTab(origin, store),
    async load({ tab = world.openTab(), signal, cache = true } = {}) {
      const surroundings = surroundingsOf(world);
      const open: typeof openSource = (location, options) =>
        openSource(location, { ...options, surroundings, endpoint: hub?.endpoint, stallMs: STALL_MS });
      const models = createModelCache({ ...tab, createHashers: createNodeHashers, partBytes: PART });
      const reader = await openReader(hub?.location ?? server.url, { cache }, open, models);
      try {
        return await loadDigests(reader, { signal });
      } finally {
        await reader.close();
      }
    },
    directory: () => store.files()[0]?.directory,
    async missingBytes(files = WEIGHTS) {
      const directory = world.directory();
      const state = directory === undefined ? undefined : await readJournal(store, directory);
      return files.reduce((sum, { path, size }) => {
        const stored = state?.files.get(path);
        return sum + size - (stored ? storedBytes(stored, PART) : 0);
      }, 0);
    },
    async close() {
      await Promise.all([server.close(), hub?.close()]);
    },
  };
  return world;
}

export const isWeights = (path: string): boolean => path.endsWith('.safetensors');

/** The part that a request for weights is in: `file:index`; undefined for other requests. */
export function partOf({ method, file, start, end }: GhostRequest): string | undefined {
  return method === 'GET' && isWeights(file) && end > start + 1 ? `${file}:${Math.floor(start / PART)}` : undefined;
}

/** Whether a request is for a whole part of weights, which is stored then: not a head, not the rest of a broken one. */
export function isWholePart(request: GhostRequest): boolean {
  const { file, start, end } = request;
  return (
    partOf(request) !== undefined && start % PART === 0 && end === Math.min(start + PART, SPEC.files.get(file)!.size)
  );
}

function openTab(origin: FakeOrigin, disk: MemoryStore): Tab {
  const { locks, crash } = origin.openTab();
  let isDead = false;
  /** The same object, whose methods fail once the tab is dead. */
  const mortal = <T extends object>(object: T): T =>
    new Proxy(object, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function' || name === 'close') return value;
        return async (...args: unknown[]) => {
          if (isDead) throw new OutriderError('storage_failed', 'this tab is dead');
          return value.apply(target, args);
        };
      },
    });
  const open = async (...args: Parameters<BlockStore['open']>): Promise<BlockFile | undefined> => {
    const file = await disk.open(...args);
    return file && mortal(file);
  };
  return {
    locks,
    store: mortal({ ...disk, open: open as BlockStore['open'] }),
    crash() {
      isDead = true;
      crash();
    },
  };
}

/** Waiting takes no time, and offline is what the test says. */
function surroundingsOf(world: World): Surroundings {
  const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
  return {
    ...realSurroundings,
    sleep: tick,
    isOffline: () => world.offline,
    async whenOnline() {
      while (world.offline) await tick();
    },
  };
}
