import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src/checkpoint/open.ts';
import { layOutHeader } from '../../src/checkpoint/write-header.ts';
import { memorySource } from './memory-source.ts';

/** A file with U8 tensors [4] of these names. */
function shard(...names: string[]): Uint8Array {
  const { bytes, fileSize } = layOutHeader(
    names.map((name) => ({ name, dtype: 'U8', shape: [4] })),
    {},
  );
  const file = new Uint8Array(fileSize);
  file.set(bytes);
  return file;
}
const index = (weight_map: object): string => JSON.stringify({ metadata: {}, weight_map });
const sharded = {
  'config.json': '{"a": 1}',
  'model.safetensors.index.json': index({ a: '1.safetensors', b: '2.safetensors', c: '1.safetensors' }),
  '1.safetensors': shard('a', 'c'),
  '2.safetensors': shard('b'),
};

test('a single file gives its tensors with absolute ranges, and only its head is read', async () => {
  const source = memorySource({ 'config.json': '{"a": 1}', 'model.safetensors': shard('x', 'y') });
  const { tensors, configJson } = await openCheckpoint(source);
  expect(configJson).toEqual({ a: 1 });
  expect([...tensors.keys()]).toEqual(['x', 'y']);
  const { start, end, file } = tensors.get('y')!;
  expect({ file, length: end - start }).toEqual({ file: 'model.safetensors', length: 4 });
});

test('a head that the first read does not hold takes one more, from where the first ended', async () => {
  const names = Array.from({ length: 2000 }, (_, i) => `tensor.number.${i}`);
  const file = shard(...names);
  const source = memorySource({ 'config.json': '{}', 'model.safetensors': file });
  expect((await openCheckpoint(source)).tensors.size).toBe(2000);
  const headEnd = file.length - 4 * 2000;
  expect(source.reads.slice(1)).toEqual(['model.safetensors 0-65536', `model.safetensors 65536-${headEnd}`]);
});

test('of a shard, about as much is read as its names in the index say, so that one request is enough', async () => {
  const names = Array.from(
    { length: 3000 },
    (_, i) => `model.layers.${i}.feed_forward.experts.7.down_proj.weight_packed`,
  );
  const place = (name: string): string => (Number(name.split('.')[2]) % 2 ? 'odd.safetensors' : 'even.safetensors');
  const source = memorySource({
    'config.json': '{}',
    'model.safetensors.index.json': index(Object.fromEntries(names.map((name) => [name, place(name)]))),
    'odd.safetensors': shard(...names.filter((name) => place(name).startsWith('odd'))),
    'even.safetensors': shard(...names.filter((name) => place(name).startsWith('even'))),
  });
  expect((await openCheckpoint(source)).tensors.size).toBe(3000);
  expect(source.reads.slice(2).map((read) => read.split(' ')[0])).toEqual(['even.safetensors', 'odd.safetensors']);
});

test('a shard index gives the tensors of all its files', async () => {
  const { tensors } = await openCheckpoint(memorySource(sharded));
  expect([...tensors].map(([name, { file }]) => `${name} ${file}`).sort()).toEqual([
    'a 1.safetensors',
    'b 2.safetensors',
    'c 1.safetensors',
  ]);
});

describe('a folder is refused where', () => {
  const { 'config.json': config, ...noConfig } = sharded;
  const { '2.safetensors': _, ...noShard } = sharded;
  const withIndex = (weight_map: object): object => ({ ...sharded, 'model.safetensors.index.json': index(weight_map) });
  const all = { a: '1.safetensors', b: '2.safetensors', c: '1.safetensors' };
  test.each([
    ['there is no config', noConfig, 'model_not_found', 'has no config.json'],
    ['the config is a web page', { ...sharded, 'config.json': ' <!doctype html>' }, 'model_not_found', 'web page'],
    ['the config is no JSON', { ...sharded, 'config.json': '{"a": ' }, 'checkpoint_invalid', 'config.json is not JSON'],
    ['there are no weights', { 'config.json': config }, 'model_not_found', 'neither model.safetensors nor'],
    ['a shard is not there', noShard, 'model_not_found', 'names 2.safetensors'],
    ['the index is no JSON', { ...sharded, 'model.safetensors.index.json': '<' }, 'checkpoint_invalid', 'not JSON'],
    ['the index is empty', withIndex({}), 'checkpoint_invalid', 'no "weight_map"'],
    ['the index promises more', withIndex({ ...all, d: '1.safetensors' }), 'checkpoint_invalid', 'puts "d" into'],
    ['the index knows less', withIndex({ a: '1.safetensors' }), 'checkpoint_invalid', 'does not put "c" into'],
    ['a tensor is elsewhere', withIndex({ ...all, a: '2.safetensors' }), 'checkpoint_invalid', '"a"'],
    ['two shards hold one name', { ...sharded, '2.safetensors': shard('a', 'b') }, 'checkpoint_invalid', '"a"'],
    ['the index leaves the folder', withIndex({ ...all, d: '../d.safetensors' }), 'checkpoint_invalid', '"../d'],
    ['the index names no file', withIndex({ ...all, d: 7 }), 'checkpoint_invalid', 'into 7'],
    [
      'a shard is cut off',
      { ...sharded, '2.safetensors': shard('b').slice(0, -1) },
      'checkpoint_invalid',
      'incomplete',
    ],
  ])('%s', async (_name, files, code, message) => {
    const opening = openCheckpoint(memorySource(files as Record<string, string>));
    await expect(opening).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});
