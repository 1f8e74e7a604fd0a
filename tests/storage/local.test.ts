import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesOfDrop } from '../../src/storage/drop.ts';
import { openSource } from '../../src/storage/open.ts';
import { PART_BYTES } from '../../src/storage/parts.ts';
import { readText } from '../../src/storage/source.ts';

const WEIGHTS = new Uint8Array(PART_BYTES + 500_000);
for (let i = 0; i < WEIGHTS.length; i++) WEIGHTS[i] = i * 7 + (i >> 10);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrider-source-'));
  await mkdir(join(folder, 'sub'));
  await writeFile(join(folder, 'config.json'), '{"é": 1}');
  await writeFile(join(folder, 'sub', 'w.safetensors'), WEIGHTS);
});
afterAll(() => rm(folder, { recursive: true }));

/** As a folder picker gives it: names, and paths that begin with the chosen folder's name. */
function picked(path: string, content: BlobPart): File {
  const file = new File([content], path.split('/').at(-1)!);
  return Object.defineProperty(file, 'webkitRelativePath', { value: path });
}

describe.each([
  ['a path', () => folder],
  ['a file URL', () => pathToFileURL(folder).href],
  [
    'files with paths beside them',
    () => [
      { file: new File(['{"é": 1}'], 'config.json'), path: 'tiny/config.json' },
      { file: new File([WEIGHTS], 'w.safetensors'), path: 'tiny/sub/w.safetensors' },
    ],
  ],
  ['files', () => [picked('tiny/config.json', '{"é": 1}'), picked('tiny/sub/w.safetensors', WEIGHTS)]],
])('%s as a source', (_, location) => {
  test('reads text, sizes and ranges, and knows what is not there', async () => {
    const source = await openSource(location());
    expect(await readText(source, 'config.json', 100)).toBe('{"é": 1}');
    await expect(readText(source, 'config.json', 5)).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    expect(await source.stat('tokenizer.json')).toBeUndefined();
    await expect(source.read('tokenizer.json', 0, 1)).rejects.toMatchObject({ code: 'model_not_found' });
    expect(await source.stat('sub/w.safetensors')).toMatchObject({ size: WEIGHTS.length });
    const bytes = await source.read('sub/w.safetensors', 3, PART_BYTES + 400_001);
    expect(Buffer.compare(bytes, WEIGHTS.subarray(3, PART_BYTES + 400_001))).toBe(0);
    const end = WEIGHTS.length + 1;
    await expect(source.read('sub/w.safetensors', end - 9, end)).rejects.toMatchObject({ code: 'network_error' });
  });

  test('streams in pieces that an abort can stop', async () => {
    const source = await openSource(location());
    const controller = new AbortController();
    let pieces = 0;
    const reading = (async () => {
      const { signal } = controller;
      for await (const piece of source.stream('sub/w.safetensors', 0, WEIGHTS.length, { signal })) {
        expect([piece.length, piece.buffer.byteLength]).toEqual([PART_BYTES, PART_BYTES]);
        pieces++;
        controller.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    expect(pieces).toBe(1);
  });
});

test('a list of files needs one config.json, the one nearest to the top', async () => {
  const deep = [picked('m/config.json', '{}'), picked('m/original/config.json', '{"deep": 1}')];
  expect(await readText(await openSource(deep), 'config.json', 100)).toBe('{}');
  await expect(openSource([picked('m/model.safetensors', '')])).rejects.toMatchObject({ code: 'model_not_found' });
  const two = [picked('a/config.json', '{}'), picked('b/config.json', '{}')];
  await expect(openSource(two)).rejects.toMatchObject({ code: 'model_not_found' });
});

test('what is no source is refused by name', async () => {
  await expect(openSource('ftp://example.org/model')).rejects.toMatchObject({ code: 'invalid_request' });
  await expect(openSource(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'model_not_found' });
});

test('a file on disk that changes between two reads is an error', async () => {
  const path = join(folder, 'changing.safetensors');
  await writeFile(path, 'first');
  const source = await openSource(folder);
  await source.stat('changing.safetensors');
  expect(await source.read('changing.safetensors', 0, 5)).toHaveLength(5);
  await utimes(path, 1, 1);
  await expect(source.read('changing.safetensors', 0, 5)).rejects.toMatchObject({
    code: 'source_changed',
    message: expect.stringContaining('1970'),
  });
});

interface Tree {
  readonly [name: string]: Tree | File;
}

/** What a browser makes of a dropped tree: a folder's entries come two at a time. */
function entryOf(name: string, node: Tree | File, parent = ''): FileSystemEntry {
  const fullPath = `${parent}/${name}`;
  if (node instanceof File) {
    const entry = { isFile: true, isDirectory: false, name, fullPath, file: (done: FileCallback) => done(node) };
    return entry as unknown as FileSystemEntry;
  }
  const createReader = () => {
    const left = Object.entries(node).map(([child, below]) => entryOf(child, below, fullPath));
    return { readEntries: (done: FileSystemEntriesCallback) => done(left.splice(0, 2)) };
  };
  return { isFile: false, isDirectory: true, name, fullPath, createReader } as unknown as FileSystemEntry;
}

test('a dropped folder is walked to the bottom, without what lies in hidden folders', async () => {
  const file = (content: string) => new File([content], 'any');
  const tree = {
    'config.json': file('{"dropped": true}'),
    '.git': { 'config.json': file('{}') },
    sub: { 'a.txt': file('a'), deeper: { 'b.txt': file('b'), 'c.txt': file('c'), 'd.txt': file('d') } },
  };
  const files = await filesOfDrop([entryOf('tiny', tree), new File(['x'], 'loose.txt')]);
  expect(files.map(({ path }) => path).sort()).toEqual([
    'loose.txt',
    'tiny/config.json',
    'tiny/sub/a.txt',
    'tiny/sub/deeper/b.txt',
    'tiny/sub/deeper/c.txt',
    'tiny/sub/deeper/d.txt',
  ]);
  const source = await openSource(files);
  expect(await readText(source, 'config.json', 100)).toBe('{"dropped": true}');
  expect(await readText(source, 'sub/deeper/d.txt', 100)).toBe('d');
});
