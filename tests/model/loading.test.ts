/** Broken checkpoints reach the GPU's door: each is a clear error, at once, and nothing stays behind. */
import { beforeAll, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { SourceReader } from '../../src/loader/loader.ts';
import { loadModel } from '../../src/model/load.ts';
import type { ModelSource } from '../../src/storage/source.ts';
import { type Counts, countingGpu, sourceOfTiny, type TinyFiles, tinyFiles } from './tiny-model.ts';

let gpu: GPU;
let counts: Counts;

beforeAll(async () => {
  ({ gpu, counts } = await countingGpu());
});

async function expectFailure(source: ModelSource, code: ErrorCode, message: RegExp): Promise<void> {
  const before = { buffers: counts.buffers.length, destroyed: counts.destroyedDevices };
  await expect(loadModel(new SourceReader(source), { gpu, contextLength: 64 })).rejects.toMatchObject({
    name: 'OutriderError',
    code,
    message: expect.stringMatching(message),
  });
  const touched = counts.buffers.length > before.buffers;
  expect(counts.destroyedDevices - before.destroyed, 'a device that was used is destroyed').toBe(
    touched ? 1 : counts.destroyedDevices - before.destroyed,
  );
}

const changed = (change: (files: TinyFiles) => void) => {
  const files = tinyFiles();
  change(files);
  return sourceOfTiny(files);
};

test('a NaN in a norm weight', async () => {
  const source = changed(({ weights, ranges }) =>
    weights.set([0xc0, 0x7f], ranges.get('model.norm.weight')!.start + 6),
  );
  await expectFailure(source, 'checkpoint_invalid', /model\.norm\.weight.*NaN.*index 3/);
});

test('a config that asks for other shapes', async () => {
  await expectFailure(
    changed(({ config }) => Object.assign(config, { intermediate_size: 128 })),
    'tensor_mismatch',
    /128/,
  );
});

test('a config that asks for one layer more', async () => {
  await expectFailure(
    changed(({ config }) => Object.assign(config, { num_hidden_layers: 4, no_rope_layers: [1, 1, 0, 1] })),
    'tensor_missing',
    /layers\.3/,
  );
});

test('a source that ends in the middle of a tensor', async () => {
  const whole = sourceOfTiny(tinyFiles());
  const cut: ModelSource = {
    ...whole,
    async *stream(path, start, end) {
      yield await whole.read(path, start, Math.floor((start + end) / 2));
    },
  };
  await expectFailure(cut, 'network_error', /ended at byte/);
});

test('a caller who aborts while weights stream', async () => {
  const controller = new AbortController();
  const whole = sourceOfTiny(tinyFiles());
  const slow: ModelSource = {
    ...whole,
    async *stream(path, start, end) {
      controller.abort(new Error('changed my mind'));
      yield await whole.read(path, start, end);
    },
  };
  const before = counts.destroyedDevices;
  await expect(
    loadModel(new SourceReader(slow), { gpu, contextLength: 64, signal: controller.signal }),
  ).rejects.toMatchObject({
    code: 'aborted',
  });
  expect(counts.destroyedDevices - before).toBe(1);
});

test('a context longer than the model has', async () => {
  await expect(
    loadModel(new SourceReader(sourceOfTiny(tinyFiles())), { gpu, contextLength: 5000 }),
  ).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringMatching(/5000.*4096/),
  });
});

test('no WebGPU at all', async () => {
  await expect(
    loadModel(new SourceReader(sourceOfTiny(tinyFiles())), {
      gpu: { requestAdapter: async () => null } as unknown as GPU,
    }),
  ).rejects.toMatchObject({
    code: 'webgpu_unavailable',
    details: { reason: 'no-adapter' },
  });
});
