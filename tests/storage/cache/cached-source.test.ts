import { beforeEach, describe, expect, it } from 'vitest';
import { OutriderError } from '../../../src/errors.ts';
import type { CachedSource } from '../../../src/storage/cache/cached-source.ts';
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

let source: FakeSource;
let store: MemoryStore;
let origin: ReturnType<typeof createFakeOrigin>;

beforeEach(() => {
  const weights = fileBytes(WEIGHTS, 1, 5 * PART + 7);
  source = createFakeSource({
    'config.json': { bytes: fileBytes('config.json', 1, 20), version: 'c1' },
    [WEIGHTS]: { bytes: weights, version: 'w1', sha256: hexHash(weights) },
  });
  store = createMemoryStore();
  origin = createFakeOrigin();
});

const open = (options = {}) => openFake(source, store, origin.openTab().locks, options);

/** What a load does: stat and read the small file, stream the large one, complete. */
async function load(cache: CachedSource): Promise<void> {
  expect(await cache.stat('absent.json')).toBeUndefined();
  const config = source.files.get('config.json')!.bytes;
  expect(await cache.read('config.json', 0, config.length)).toEqual(config);
  expect(await readAll(cache, WEIGHTS)).toEqual(source.files.get(WEIGHTS)!.bytes);
  await cache.complete(paths);
}

const reads = () => source.requests.filter((request) => request.startsWith('read'));
const dataFile = () => store.files().find(({ name, size }) => name.startsWith('file-') && size > 3 * PART)!;

describe('a first load', () => {
  it('stores what it streams, and the second asks the source for nothing', async () => {
    const first = await open();
    await load(first.cache);
    await first.cache.close();
    source.requests.length = 0;
    const second = await open();
    expect(second.cache.isComplete(paths)).toBe(true);
    await load(second.cache);
    expect(source.requests).toEqual([]);
    expect([...first.notices, ...second.notices]).toEqual([]);
  });

  it('takes headers from the source without storing, and each part once though ranges cut it', async () => {
    const { cache } = await open();
    await cache.read(WEIGHTS, 0, 10);
    expect(reads()).toEqual([`read ${WEIGHTS} 0-10`]);
    source.requests.length = 0;
    for (const [start, end] of [
      [10, 100],
      [100, 130],
      [130, 5 * PART + 7],
    ] as const) {
      for await (const _ of cache.stream(WEIGHTS, start, end));
    }
    expect(reads()).toHaveLength(6);
  });

  it('gives pieces away: transferring one does not touch what is stored', async () => {
    const { cache } = await open();
    for await (const piece of cache.stream(WEIGHTS, 0, 5 * PART + 7))
      structuredClone(piece, { transfer: [piece.buffer] });
    await cache.complete(paths);
    expect(await readAll(cache, WEIGHTS)).toEqual(source.files.get(WEIGHTS)!.bytes);
  });

  it('goes on after a crash with at most the parts that were under way', async () => {
    const tab = origin.openTab();
    const first = await openFake(source, store, tab.locks, { parallel: 2 });
    let numPieces = 0;
    for await (const _ of first.cache.stream(WEIGHTS, 0, 5 * PART + 7)) if (++numPieces === 3) break;
    tab.crash();
    store.crash();
    source.requests.length = 0;
    const second = await open();
    await load(second.cache);
    expect(reads().filter((read) => read.includes(WEIGHTS)).length).toBeLessThanOrEqual(3);
    expect(second.cache.isComplete(paths)).toBe(true);
  });
});

describe('what is on disk', () => {
  beforeEach(async () => {
    const { cache } = await open();
    await load(cache);
    await cache.close();
    source.requests.length = 0;
  });

  it('is checked: a flipped bit is named, that part alone fetched again, and the load is equal', async () => {
    const { directory, name } = dataFile();
    store.flip(directory, name, 2 * PART + 5);
    const { cache, notices } = await open();
    await load(cache);
    expect(notices).toMatchObject([{ kind: 'damaged', path: WEIGHTS, parts: [2] }]);
    expect(reads()).toEqual([`read ${WEIGHTS} ${2 * PART}-${3 * PART}`]);
    expect(notices[0]!.message).toContain('part 2 (bytes 128-191)');
  });

  it('may be evicted: one file is fetched again as a whole, everything makes a new model', async () => {
    const { directory, name } = dataFile();
    store.evict(directory, name);
    const first = await open();
    await load(first.cache);
    expect(first.notices).toMatchObject([{ kind: 'damaged', parts: [0, 1, 2, 3, 4, 5] }]);
    await first.cache.close();
    store.evict();
    const second = await open();
    await load(second.cache);
    expect(second.notices).toEqual([]);
  });

  it('may be evicted but for a file that is held open: the load is equal, and a later one sweeps what stayed', async () => {
    const { directory, name } = dataFile();
    const stray = 'file-77';
    await store.open(directory, stray, 'write');
    for (const { name: other } of store.files()) if (other !== name && other !== stray) store.evict(directory, other);
    store.held.add(name).add(stray);
    const first = await open();
    await load(first.cache);
    await first.cache.close();
    expect(store.files().map((file) => file.name)).toContain(stray);
    store.held.clear();
    store.flip(directory, dataFile().name, 0);
    const second = await open();
    await load(second.cache);
    expect(store.files().map((file) => file.name)).not.toContain(stray);
  });

  it('is never mixed with another version: damage in a model that has changed is an error, then all is new', async () => {
    const { directory, name } = dataFile();
    store.flip(directory, name, 3 * PART);
    const weights = fileBytes(WEIGHTS, 2, 4 * PART);
    source.files.set(WEIGHTS, { bytes: weights, version: 'w2', sha256: hexHash(weights) });
    const first = await open({ parallel: 1 });
    await expect(readAll(first.cache, WEIGHTS)).rejects.toMatchObject({ code: 'source_changed' });
    await first.cache.close();
    const second = await open();
    await load(second.cache);
    expect(second.cache.isComplete(paths)).toBe(true);
  });

  it('says that a journal of newer code is not read, and keeps it', async () => {
    const before = store.files();
    const { openJournal } = await import('../../../src/storage/cache/journal.ts');
    const { directory } = dataFile();
    (
      await openJournal(
        store,
        directory,
        { id: 'x', label: 'x', partBytes: PART },
        { version: 2, migrations: [(r) => [r]] },
      )
    ).close();
    await expect(open()).rejects.toMatchObject({ code: 'storage_failed', details: { found: 2, needed: 1 } });
    expect(store.files().length).toBe(before.length);
  });
});

describe('an incomplete model', () => {
  it('drops what is stored of a file that has changed since, with a notice', async () => {
    const first = await open();
    for await (const _ of first.cache.stream(WEIGHTS, 0, 3 * PART));
    await first.cache.close();
    const weights = fileBytes(WEIGHTS, 2, 5 * PART + 7);
    source.files.set(WEIGHTS, { bytes: weights, version: 'w2', sha256: hexHash(weights) });
    const second = await open();
    await load(second.cache);
    expect(second.notices).toMatchObject([{ kind: 'changed', path: WEIGHTS }]);
    expect(store.files().filter(({ name }) => name.startsWith('file-'))).toHaveLength(2);
  });

  it('keeps it where the promised hash is the same under a new ETag', async () => {
    const first = await open();
    for await (const _ of first.cache.stream(WEIGHTS, 0, 3 * PART));
    await first.cache.close();
    source.files.get(WEIGHTS)!.version = 'w1-of-another-server';
    source.requests.length = 0;
    const second = await open();
    await load(second.cache);
    expect(second.notices).toEqual([]);
    expect(reads().filter((read) => read.includes(WEIGHTS))).toHaveLength(3);
  });
});

describe('a promised hash', () => {
  it('finds a bit that flipped on the way: the part is named, fetched again, and reported as used wrong', async () => {
    let flips = 1;
    source.onRead = (path, start, bytes) => {
      if (path === WEIGHTS && start === PART && flips-- > 0) bytes[3]! ^= 4;
      return bytes;
    };
    const { cache, notices } = await open();
    await readAll(cache, WEIGHTS);
    const { replaced, stored } = await cache.complete(paths);
    expect(replaced).toEqual([{ path: WEIGHTS, ranges: [{ start: PART, end: 2 * PART }] }]);
    expect(notices).toMatchObject([{ kind: 'replaced', path: WEIGHTS, parts: [1] }]);
    expect(stored).toBe(true);
    expect(await readAll(cache, WEIGHTS)).toEqual(source.files.get(WEIGHTS)!.bytes);
  });

  it('that the source itself breaks is an error with both hashes, and the model is never complete', async () => {
    source.files.get(WEIGHTS)!.sha256 = '0'.repeat(64);
    const { cache } = await open();
    const found = hexHash(source.files.get(WEIGHTS)!.bytes);
    await expect(cache.complete(paths)).rejects.toMatchObject({
      code: 'checksum_mismatch',
      details: { file: WEIGHTS, found, expected: '0'.repeat(64), parts: [] },
    });
    expect(cache.isComplete(paths)).toBe(false);
  });

  it('is computed from the disk where parts were there before', async () => {
    const first = await open();
    for await (const _ of first.cache.stream(WEIGHTS, 2 * PART, 4 * PART));
    await first.cache.close();
    const second = await open();
    expect(await second.cache.complete(paths)).toEqual({ stored: true, replaced: [] });
  });
});

it('a server without Range is read once, in order, and everything is stored on the way', async () => {
  const bytes = source.files.get(WEIGHTS)!.bytes;
  const read = source.read;
  source.read = (path, start, end, options) => {
    if (start > 0) throw new OutriderError('range_unsupported', 'no ranges here');
    return read(path, start, end, options);
  };
  const { cache } = await open();
  const pieces: Uint8Array[] = [];
  for await (const piece of cache.stream(WEIGHTS, PART + 5, bytes.length)) pieces.push(piece);
  expect(Buffer.concat(pieces)).toEqual(Buffer.from(bytes.subarray(PART + 5)));
  expect(await cache.complete(paths)).toEqual({ stored: true, replaced: [] });
  expect(reads().filter((one) => one.includes(WEIGHTS))).toHaveLength(1);
});

describe('a full disk', () => {
  it('is an error with both numbers, and what was stored is used next time', async () => {
    store.capacity = 3 * PART + 2000;
    const first = await open();
    store.capacity = 1000 + 3 * PART;
    const filled = store.files().reduce((sum, { size }) => sum + size, 0);
    store.capacity = filled + 2 * PART + 700;
    await expect(readAll(first.cache, WEIGHTS)).rejects.toMatchObject({
      code: 'storage_full',
      details: { total: 5 * PART + 7 },
    });
    await first.cache.close();
    store.capacity = Number.POSITIVE_INFINITY;
    const second = await open();
    await load(second.cache);
    expect(second.cache.isComplete(paths)).toBe(true);
  });

  it('is announced and passed by where the caller wants that; hashes still decide, each part fetched once', async () => {
    store.capacity = 2 * PART + 900;
    const { cache, notices } = await open({ onFull: 'stream' });
    expect(await readAll(cache, WEIGHTS)).toEqual(source.files.get(WEIGHTS)!.bytes);
    expect(await cache.complete(paths)).toEqual({ stored: false, replaced: [] });
    expect(notices.map(({ kind }) => kind)).toEqual(['uncached']);
    expect(reads().filter((read) => read.includes(WEIGHTS))).toHaveLength(6);
    expect(cache.isComplete(paths)).toBe(false);
  });
});

describe('two tabs', () => {
  it('download a model once: the second waits, is told how far the first is, and uses it', async () => {
    const waits: unknown[] = [];
    const [first, second] = [await open(), await open({ onWait: (progress: unknown) => waits.push(progress) })];
    for await (const _ of first.cache.stream(WEIGHTS, 0, PART));
    const other = readAll(second.cache, WEIGHTS);
    await load(first.cache);
    expect(await other).toEqual(source.files.get(WEIGHTS)!.bytes);
    expect((await second.cache.complete(paths)).stored).toBe(true);
    expect(reads().filter((read) => read.includes(WEIGHTS))).toHaveLength(6);
    expect(waits).toContainEqual(expect.objectContaining({ total: expect.any(Number) }));
  });

  it('take over from each other when the one that downloads dies', async () => {
    const dying = origin.openTab();
    const first = await openFake(source, store, dying.locks, { parallel: 1 });
    const second = await open();
    for await (const _ of first.cache.stream(WEIGHTS, 0, 2 * PART));
    const other = readAll(second.cache, WEIGHTS);
    dying.crash();
    expect(await other).toEqual(source.files.get(WEIGHTS)!.bytes);
    expect(reads().filter((read) => read.includes(WEIGHTS))).toHaveLength(6);
  });
});
