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
      const isWeights = path.endsWith('.safetensors');
      yield await whole.read(path, start, isWeights ? Math.floor((start + end) / 2) : end);
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
      if (path.endsWith('.safetensors')) controller.abort(new Error('changed my mind'));
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

/** A GPU that refuses every buffer from the `n`-th large one on, as a full card does. */
function fullAfter(inner: GPU, n: number): GPU {
  const wrapDevice = (device: GPUDevice): GPUDevice => {
    let left = n;
    const scopes: boolean[] = [];
    return new Proxy(device, {
      get(target, key) {
        if (key === 'pushErrorScope') return (filter: GPUErrorFilter) => void scopes.push(filter === 'out-of-memory');
        if (key === 'popErrorScope') {
          return async () => (scopes.pop() && left < 0 ? { message: 'VK_ERROR_OUT_OF_DEVICE_MEMORY' } : null);
        }
        if (key === 'createBuffer') {
          return (descriptor: GPUBufferDescriptor) => {
            if (scopes.length > 0) left--;
            return target.createBuffer(descriptor);
          };
        }
        const value = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };
  const wrapAdapter = (adapter: GPUAdapter): GPUAdapter =>
    new Proxy(adapter, {
      get(target, key) {
        if (key === 'requestDevice') {
          return async (descriptor?: GPUDeviceDescriptor) => wrapDevice(await target.requestDevice(descriptor));
        }
        const value = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  return {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await inner.requestAdapter(options);
      return adapter && wrapAdapter(adapter);
    },
  } as unknown as GPU;
}

test('a card that is full: both numbers, before a weight byte is read, and the next load works', async () => {
  const source = sourceOfTiny(tinyFiles());
  const loading = loadModel(new SourceReader(source), { gpu: fullAfter(gpu, 5), contextLength: 64 });
  const error = await loading.catch((reason) => reason);
  expect(error).toMatchObject({ name: 'OutriderError', code: 'gpu_out_of_memory' });
  const { bytes, available } = error.details as { bytes: number; available: number };
  expect(available).toBeGreaterThan(0);
  expect(bytes).toBeGreaterThan(available);
  const header = Math.max(...[...tinyFiles().ranges.values()].map(({ end }) => end));
  expect(source.reads.filter((read) => read.endsWith(`-${header}`))).toEqual([]);
  const model = await loadModel(new SourceReader(source), { gpu, contextLength: 64 });
  model.destroy();
});

test('a budget that is too small costs no allocation and names what would fit', async () => {
  const before = counts.buffers.length;
  await expect(
    loadModel(new SourceReader(sourceOfTiny(tinyFiles())), { gpu, contextLength: 64, budget: 1000 }),
  ).rejects.toMatchObject({ code: 'model_too_large', details: { budget: 1000 } });
  expect(counts.buffers.length).toBe(before);
});
