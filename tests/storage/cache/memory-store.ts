/** A block store in memory that loses, flips, fills up and vanishes on demand. */
import { OutriderError } from '../../../src/errors.ts';
import type { BlockFile, BlockStore, Bytes, OpenMode } from '../../../src/storage/cache/store.ts';

interface Content {
  /** What a reader sees. */
  live: Bytes;
  /** What a power cut leaves, at least. */
  durable: Bytes;
}

export interface MemoryStore extends BlockStore {
  /** Bytes over which every write is refused. */
  capacity: number;
  /** Names of files that are open somewhere: they cannot be removed. */
  readonly held: Set<string>;
  /** As the browser's: open handles are dead. */
  crash(): void;
  /** The same, and what was not flushed is lost, but for a part of it that `keep` (0..1) chooses. */
  cutPower(keep: number): void;
  /** Flips one bit of a file, as a failing disk does. */
  flip(directory: string, name: string, at: number): void;
  /** Removes without asking, open handles included. */
  evict(directory?: string, name?: string): void;
  files(): { directory: string; name: string; size: number }[];
}

const key = (directory: string, name: string): string => `${directory}/${name}`;

export function createMemoryStore(): MemoryStore {
  const contents = new Map<string, Content>();
  let epoch = 0;
  const used = (): number => [...contents.values()].reduce((sum, { live }) => sum + live.length, 0);

  const openContent = (path: string, mode: OpenMode): BlockFile => {
    const born = epoch;
    const content = contents.get(path)!;
    const alive = (): Content => {
      if (born === epoch && contents.get(path) === content) return content;
      throw new OutriderError('storage_failed', `${path} went away`);
    };
    return {
      mode,
      async read(into, at) {
        const bytes = alive().live.subarray(at, at + into.length);
        into.set(bytes);
        return bytes.length;
      },
      async write(bytes, at) {
        const { live } = alive();
        const grown = Math.max(live.length, at + bytes.length);
        if (used() + grown - live.length > store.capacity) {
          throw new OutriderError('storage_full', `no room for ${bytes.length} bytes`);
        }
        content.live = resized(live, grown);
        content.live.set(bytes, at);
      },
      async truncate(size) {
        content.live = resized(alive().live, size);
      },
      async flush() {
        content.durable = alive().live.slice();
      },
      size: async () => alive().live.length,
      close() {},
    };
  };
  async function open(directory: string, name: string, mode: 'write'): Promise<BlockFile>;
  async function open(directory: string, name: string, mode: OpenMode): Promise<BlockFile | undefined>;
  async function open(directory: string, name: string, mode: OpenMode): Promise<BlockFile | undefined> {
    const path = key(directory, name);
    if (!contents.has(path)) {
      if (mode === 'read') return undefined;
      contents.set(path, { live: new Uint8Array(0), durable: new Uint8Array(0) });
    }
    return openContent(path, mode);
  }
  const store: MemoryStore = {
    capacity: Number.POSITIVE_INFINITY,
    held: new Set(),
    open,
    directories: async () => [...new Set([...contents.keys()].map((path) => path.split('/')[0]!))],
    list: async (directory) => store.files().filter((file) => file.directory === directory),
    async remove(directory, name) {
      const names = name === undefined ? (await store.list(directory)).map((file) => file.name) : [name];
      const held = names.find((one) => store.held.has(one));
      if (held !== undefined) throw new OutriderError('model_in_use', `${held} is open`);
      store.evict(directory, name);
    },
    estimate: async () => ({ usage: 0, quota: 1e12 }), // as wrong as Chromium's
    crash() {
      epoch++;
    },
    cutPower(keep) {
      epoch++;
      for (const content of contents.values()) {
        const { live, durable } = content;
        const kept = Math.floor(live.length * keep);
        const left = resized(durable, Math.max(durable.length, kept));
        left.set(live.subarray(0, kept));
        content.live = left;
        content.durable = left.slice();
      }
    },
    flip(directory, name, at) {
      contents.get(key(directory, name))!.live[at]! ^= 1;
    },
    evict(directory, name) {
      for (const path of [...contents.keys()]) {
        if (directory !== undefined && !path.startsWith(`${directory}/`)) continue;
        if (name === undefined || path.endsWith(`/${name}`)) contents.delete(path);
      }
    },
    files: () =>
      [...contents].map(([path, { live }]) => {
        const [directory, name] = path.split('/') as [string, string];
        return { directory, name, size: live.length };
      }),
  };
  return store;
}

function resized(bytes: Bytes, size: number): Bytes {
  const copy = new Uint8Array(size);
  copy.set(bytes.subarray(0, size));
  return copy;
}
