import { beforeEach, describe, expect, it } from 'vitest';
import type { SharedFiles } from '../../../src/storage/cache/cross-origin.ts';
import { findSharedFiles } from '../../../src/storage/cache/cross-origin.ts';
import { createCacheManager } from '../../../src/storage/cache/manage.ts';
import { persistStorage } from '../../../src/storage/cache/persist.ts';
import {
  createFakeOrigin,
  createFakeSource,
  type FakeSource,
  fileBytes,
  hexHash,
  openFake,
  PART,
  readAll,
} from './fakes.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';

const WEIGHTS = 'model.safetensors';
const paths = ['config.json', WEIGHTS];
const size = 5 * PART + 7;
const id = 'fake:model';

let source: FakeSource;
let store: MemoryStore;
let origin: ReturnType<typeof createFakeOrigin>;

beforeEach(async () => {
  const weights = fileBytes(WEIGHTS, 1, size);
  source = createFakeSource({
    'config.json': { bytes: fileBytes('config.json', 1, 20), version: 'c1' },
    [WEIGHTS]: { bytes: weights, version: 'w1', sha256: hexHash(weights) },
  });
  store = createMemoryStore();
  origin = createFakeOrigin();
});

async function load(shared?: SharedFiles) {
  const opened = await openFake(source, store, origin.openTab().locks, { shared });
  await opened.cache.setMeta({ licenceAccepted: true });
  await opened.cache.stat('absent.json');
  await opened.cache.complete(paths);
  return opened;
}

const manager = () => createCacheManager(store, origin.openTab().locks);

describe('stored models', () => {
  it('are listed with what they take and what was kept with them, and freed when they are deleted', async () => {
    await (await load()).cache.close();
    const [model] = await manager().listModels();
    expect(model).toMatchObject({ id, complete: true, totalBytes: size + 20, storedBytes: size + 20 });
    expect(model!.meta).toEqual({ licenceAccepted: true });
    expect(await manager().storageFacts()).toMatchObject({ usedBytes: model!.diskBytes, numModels: 1 });
    expect(await manager().deleteModel(id)).toBe(model!.diskBytes);
    expect(store.files()).toEqual([]);
  });

  it('are not deleted or updated while they are in use', async () => {
    const { cache } = await load();
    await expect(manager().deleteModel(id)).rejects.toMatchObject({ code: 'model_in_use' });
    await expect(manager().updateModel(id, source)).rejects.toMatchObject({ code: 'model_in_use' });
    await cache.close();
    await manager().deleteModel(id);
  });

  it('are verified: bad parts are named, and the next load fetches just those', async () => {
    await (await load()).cache.close();
    const { directory, name } = store.files().find((file) => file.name.startsWith('file-') && file.size === size)!;
    store.flip(directory, name, 3 * PART + 1);
    expect(await manager().verifyModel(id)).toEqual({
      checkedBytes: size + 20,
      bad: [{ path: WEIGHTS, parts: [3], bytes: PART }],
    });
    source.requests.length = 0;
    const { cache } = await load();
    expect(await readAll(cache, WEIGHTS)).toEqual(source.files.get(WEIGHTS)!.bytes);
    expect(source.requests.filter((request) => request.startsWith('read'))).toHaveLength(1);
    expect(await manager().verifyModel(id)).toMatchObject({ bad: [] });
  });

  it('are updated when asked: what changed is told, and with apply fetched by the next load', async () => {
    await (await load()).cache.close();
    expect((await manager().updateModel(id, source)).changed).toEqual([]);
    source.files.set('config.json', { bytes: fileBytes('config.json', 2, 30), version: 'c2' });
    source.files.set('absent.json', { bytes: fileBytes('absent.json', 1, 5), version: 'a1' });
    const told = await manager().updateModel(id, source);
    expect(told).toMatchObject({
      changed: [
        { path: 'config.json', bytes: 30 },
        { path: 'absent.json', why: 'is new' },
      ],
    });
    expect(told.downloadBytes).toBe(35);
    expect((await manager().listModels())[0]!.complete).toBe(true);
    await manager().updateModel(id, source, { apply: true });
    expect((await manager().listModels())[0]!.complete).toBe(false);
    const { cache } = await load();
    expect(await readAll(cache, 'config.json')).toEqual(source.files.get('config.json')!.bytes);
    expect(await cache.stat('absent.json')).toMatchObject({ size: 5 });
  });

  it('with a damaged journal are listed with the problem, refused, and can be deleted', async () => {
    await (await load()).cache.close();
    const { directory, name } = store.files().find((file) => file.name.startsWith('journal'))!;
    store.flip(directory, name, 12);
    const [model] = await manager().listModels();
    expect(model).toMatchObject({ id: directory, complete: false, problem: expect.stringContaining('damaged') });
    await expect(load()).rejects.toMatchObject({ code: 'storage_failed' });
    await manager().deleteModel(model!.id);
    await (await load()).cache.close();
  });
});

it('asking for persistence does not wait for a prompt that nobody sees', async () => {
  const persisted = async () => false;
  const never = { persisted, persist: () => new Promise<boolean>(() => {}) };
  expect(await persistStorage(1, never)).toBe('unanswered');
  expect(await persistStorage(1000, { persisted, persist: async () => true })).toBe('granted');
});

describe('storage that origins share', () => {
  const blobs = new Map<string, Blob>();
  /** As the proposal has it: found by hash, checked when a write is closed. */
  const shared = findSharedFiles({
    getFileHandle: async (hash, options) => {
      const known = blobs.get(hash.value);
      if (!known && !options) throw new DOMException('no', 'NotFoundError');
      const pieces: BlobPart[] = [];
      return {
        getFile: async () => known,
        createWritable: async () => ({
          write: async (piece: Uint8Array<ArrayBuffer>) => void pieces.push(piece.slice()),
          abort: async () => {},
          async close() {
            const blob = new Blob(pieces);
            if (hexHash(new Uint8Array(await blob.arrayBuffer())) !== hash.value)
              throw new DOMException('bad', 'DataError');
            blobs.set(hash.value, blob);
          },
        }),
      } as unknown as FileSystemFileHandle;
    },
  })!;

  it('is offered what was downloaded, and asked before the next download', async () => {
    await (await load(shared)).cache.close();
    const weights = source.files.get(WEIGHTS)!;
    expect([...blobs.keys()]).toEqual([weights.sha256]);
    store.evict();
    source.requests.length = 0;
    const { cache, notices } = await load(shared);
    expect(await readAll(cache, WEIGHTS)).toEqual(weights.bytes);
    expect(source.requests.filter((request) => request.includes(`read ${WEIGHTS}`))).toEqual([]);
    expect(notices).toMatchObject([{ kind: 'shared', path: WEIGHTS }]);
  });

  it('is not there in most browsers', () => {
    expect(findSharedFiles(undefined)).toBeUndefined();
  });
});
