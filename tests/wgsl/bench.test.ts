import { afterAll, beforeAll, expect, it } from 'vitest';
import { benchKernels } from '../../src/bench/roofline.ts';
import { type Gpu, openDevice } from '../../src/gpu/device.ts';
import { PipelineCache } from '../../src/gpu/kernel.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openDevice((await openNodeGpu({ backend: 'null' })).gpu);
});
afterAll(() => gpu.destroy());

it.each(benchKernels)("the bench's $name becomes a pipeline within WebGPU's default limits", async (kernel) => {
  const pipelines = new PipelineCache(gpu.device);
  await expect(pipelines.get({ kernel, overrides: {}, elem: 'f32', subgroups: false })).resolves.toBeDefined();
  expect(gpu.failure).toBeUndefined();
});
