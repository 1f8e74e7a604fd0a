/** The self-check knows what every storage kind means, and a driver that computes otherwise is named before any download. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gpu, openDevice } from '../../../src/gpu/device.ts';
import { PipelineCache } from '../../../src/gpu/kernel.ts';
import { openNodeGpu } from '../../../src/gpu/node.ts';
import type { Storage } from '../../../src/kernels/matrix.ts';
import { SourceReader } from '../../../src/loader/loader.ts';
import { loadModel } from '../../../src/model/load.ts';
import type { Projection } from '../../../src/model/tuning/bench.ts';
import { selfCheck } from '../../../src/model/tuning/self-check.ts';
import { createWorkbench } from '../../../src/model/tuning/workbench.ts';
import type { ModelSource } from '../../../src/storage/source.ts';
import { sourceOfTiny, tinyFiles } from '../tiny-model.ts';

let gpu: GPU;
let own: Gpu;

beforeAll(async () => {
  ({ gpu } = await openNodeGpu());
  own = await openDevice(gpu);
});
afterAll(() => own.destroy());

const int4 = { kind: 'int4', groupSize: 32, scale: 'BF16', asymmetric: false, ordered: false } as const;
const STORAGES: readonly Storage[] = [
  { kind: 'float', element: 'BF16' },
  { kind: 'float', element: 'F16' },
  { kind: 'float', element: 'F32' },
  int4,
  { ...int4, asymmetric: true, scale: 'F16' },
  { ...int4, ordered: true, groupSize: 64, scale: 'F32' },
  { kind: 'affine', bits: 4, groupSize: 64, scale: 'F16' },
  { kind: 'affine', bits: 8, groupSize: 128, scale: 'BF16' },
  { kind: 'fp8', groupSize: 5120, scale: 'F32' },
  { kind: 'nvfp4' },
  { kind: 'nf4' },
];

const projection = (storage: Storage, paired: boolean, numExperts: number | undefined): Projection => ({
  matrix: { storage, paired, numExperts, shared: false, outputs: 64, cols: 64 },
  epilogue: paired ? 'swiglu' : 'store',
  part: numExperts ? 'routed' : undefined,
  norm: false,
});

test.each(STORAGES)('plain loops agree with the kernels about $kind', async (storage) => {
  const token = [projection(storage, true, 2)]; // one pipeline for each storage, since a software driver takes long
  const block = storage === int4 ? [projection(storage, false, undefined), ...token] : [];
  const bench = createWorkbench(own, new PipelineCache(own.device), 'f32');
  await selfCheck(bench, own.facts, 'f32', {}, { token, block, attention: [] });
});

/** This GPU with a driver that takes `exp` for `exp2` in the kernels whose names begin so. */
function confused(kernels: string): GPU {
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = (await gpu.requestAdapter(options))!;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      const create = device.createShaderModule.bind(device);
      device.createShaderModule = (module) =>
        create(
          module.label?.startsWith(kernels) ? { ...module, code: module.code.replaceAll('exp(', 'exp2(') } : module,
        );
      return device;
    };
    return adapter;
  };
  return { requestAdapter } as unknown as GPU;
}

test.each(['matvec', 'matmul', 'attention'])(
  'a driver that computes %s wrongly is refused by name, with both numbers, before a weight is read',
  async (kernels) => {
    let read = false;
    const whole = sourceOfTiny(tinyFiles());
    const source: ModelSource = {
      ...whole,
      stream(path, ...range) {
        read ||= path.endsWith('.safetensors');
        return whole.stream(path, ...range);
      },
    };
    const error = await loadModel(new SourceReader(source), { gpu: confused(kernels) }).catch((reason) => reason);
    expect(error).toMatchObject({
      code: 'gpu_incorrect',
      message: expect.stringMatching(/gave -?[\d.e-]+ where -?[\d.e-]+ is right.*driver/),
      details: { kernel: expect.stringContaining(kernels), adapter: expect.stringMatching(/./) },
    });
    expect(error.details.found).not.toBeCloseTo(error.details.expected, 6);
    expect(read).toBe(false);
  },
);
