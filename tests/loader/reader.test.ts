/** Weights that cannot be right: damaged on the way, as hashes say, or damaged where they come from. */
import { expect, it } from 'vitest';
import { type CachedFiles, SourceReader } from '../../src/loader/loader.ts';
import { sourceOfTiny, tinyFiles } from '../model/tiny-model.ts';

async function readDamaged(cache: CachedFiles): Promise<unknown> {
  const files = tinyFiles();
  files.weights.set([0xc0, 0x7f], files.ranges.get('model.norm.weight')!.start + 6); // a NaN
  const reader = new SourceReader(sourceOfTiny(files), cache);
  await reader.layOut({ maxBytes: 2 ** 27 });
  try {
    for await (const _ of reader.pieces()) void _;
  } catch (error) {
    return error;
  }
  return undefined;
}

const cacheThat = (replaces: boolean): CachedFiles => ({
  async *complete([file]) {
    yield { phase: 'verify', file: file!, loaded: 1, total: 1 };
    if (replaces) yield { phase: 'replaced', file: 'model.safetensors', loaded: 0, total: 0 };
  },
  close: async () => {},
});

it('a NaN that a hash explains is a wrong download, which is right on disk by then', async () => {
  expect(await readDamaged(cacheThat(true))).toMatchObject({
    code: 'checksum_mismatch',
    message: expect.stringContaining('Load again'),
  });
});

it('a NaN of the checkpoint itself is named as one', async () => {
  expect(await readDamaged(cacheThat(false))).toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringMatching(/model\.norm\.weight.*NaN/),
  });
});
