import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSource } from '../../src/storage/open.ts';
import { readText } from '../../src/storage/source.ts';

const WEIGHTS = Uint8Array.from({ length: 2_500_000 }, (_, i) => (i * 7) & 255);
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
  ['files', () => [picked('tiny/config.json', '{"é": 1}'), picked('tiny/sub/w.safetensors', WEIGHTS)]],
])('%s as a source', (_, location) => {
  test('reads text, sizes and ranges, and knows what is not there', async () => {
    const source = await openSource(location());
    expect(await readText(source, 'config.json', 100)).toBe('{"é": 1}');
    await expect(readText(source, 'config.json', 5)).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    expect(await source.stat('tokenizer.json')).toBeUndefined();
    await expect(source.read('tokenizer.json', 0, 1)).rejects.toMatchObject({ code: 'model_not_found' });
    expect(await source.stat('sub/w.safetensors')).toMatchObject({ size: WEIGHTS.length });
    const bytes = await source.read('sub/w.safetensors', 3, 2_400_001);
    expect(Buffer.compare(bytes, WEIGHTS.subarray(3, 2_400_001))).toBe(0);
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
        expect(piece.length).toBeLessThanOrEqual(1 << 20);
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
