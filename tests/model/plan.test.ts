/** A plan is exact: what a real load allocates is what was planned, buffer by buffer. */
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ghostBytes } from '../../src/ghost/bytes.ts';
import { TINY as TINY_GHOST } from '../../src/ghost/dims.ts';
import { ghostSpec } from '../../src/ghost/spec.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { SourceReader } from '../../src/loader/loader.ts';
import { type LoadOptions, loadModel } from '../../src/model/load.ts';
import type { PlanOptions } from '../../src/model/plan.ts';
import { memorySource } from '../checkpoint/memory-source.ts';
import { sourceOfTiny, tinyFiles } from './tiny-model.ts';

let gpu: GPU;
/** What devices allocated since the last test, and still have. */
const alive = new Map<GPUBuffer, { label: string; size: number }>();

beforeAll(async () => {
  const { gpu: real } = await openNodeGpu();
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = (await real.requestAdapter(options))!;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => recordBuffers(await requestDevice(descriptor));
    return adapter;
  };
  gpu = { requestAdapter } as unknown as GPU;
});

function recordBuffers(device: GPUDevice): GPUDevice {
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    alive.set(buffer, { label: descriptor.label ?? '', size: descriptor.size });
    buffer.destroy = () => {
      alive.delete(buffer);
      destroy();
    };
    return buffer;
  };
  return device;
}

/** What no plan counts, for it depends on how many dispatches a run has. */
const UNCOUNTED = /^(token|block|body) plan params$|^readback \d+$/;

const bytesOf = (chosen: (label: string) => boolean): number =>
  [...alive.values()].reduce((sum, { label, size }) => sum + (chosen(label) ? size : 0), 0);

function tinyGhost(name: string) {
  const spec = ghostSpec(name, { dims: { ...TINY_GHOST, vision: undefined } });
  return memorySource(
    Object.fromEntries(
      [...spec.files].map(([path, { size }]) => [path, new Uint8Array(ghostBytes(spec, path, 0, size))]),
    ),
  );
}

const MODELS = {
  'a bf16 model with fused experts': () => sourceOfTiny(tinyFiles()),
  'an f32 model with tied embeddings': () => sourceOfTiny(tinyFiles({ tie_word_embeddings: true }, 'F32')),
  'compressed-tensors int4': () => tinyGhost('scout-w4a16'),
  'MLX affine': () => tinyGhost('scout-mlx4'),
  'FP8 in blocks': () => tinyGhost('scout-fp8-block'),
  NVFP4: () => tinyGhost('scout-nvfp4'),
  'a model with dense layers between': () => tinyGhost('maverick-fp8'),
};

const OPTIONS: readonly (PlanOptions & LoadOptions)[] = [
  { contextLength: 1300 },
  { contextLength: 100, kvDtype: 'f16', quantizeOnLoad: 'int4', recipe: 'int8-backbone' },
];

describe.each(Object.entries(MODELS))('%s', (_, open) => {
  it.each(OPTIONS)('takes what was planned with %o', async (options) => {
    alive.clear();
    const reader = new SourceReader(open());
    const model = await loadModel(reader, { gpu, ...options });
    onTestFinished(() => model.destroy());
    const plan = await reader.plan({ ...options, adapterLimits: model.adapter });
    // The last position there is: room for all before it is made with it.
    await model.prefill([1], options.contextLength! - 1, { temperature: 0, topP: 1, topK: 0, minP: 0, random: 0 });

    const isKv = (label: string) => label.includes(' KV of ');
    expect(model.bytes.weights).toBe(plan.gpu.weights);
    expect(model.bytes.activations).toBe(plan.gpu.activations);
    expect(model.bytes.kv).toBe(plan.gpu.kv);
    expect(bytesOf(isKv)).toBe(plan.gpu.kv);
    expect(bytesOf((label) => !isKv(label) && !UNCOUNTED.test(label))).toBe(plan.gpu.weights + plan.gpu.activations);
    const largest = Math.max(...[...alive.values()].map(({ label, size }) => (UNCOUNTED.test(label) ? 0 : size)));
    expect(plan.largest.buffer.bytes).toBe(largest);
    expect(bytesOf((label) => UNCOUNTED.test(label))).toBeLessThan(1e6);
  });
});
