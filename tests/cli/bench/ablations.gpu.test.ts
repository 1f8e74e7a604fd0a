import { afterAll, beforeAll, expect, it } from 'vitest';
import { ABLATED, ABLATIONS } from '../../../src/cli/bench/peers/page/ablations.ts';
import { type Gpu, openDevice } from '../../../src/gpu/device.ts';
import { PipelineCache } from '../../../src/gpu/kernel.ts';
import { openNodeGpu } from '../../../src/gpu/node.ts';
import { allVariants } from '../../../src/kernels/index.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openDevice((await openNodeGpu({ backend: 'null' })).gpu);
});
afterAll(() => gpu.destroy());

it.each(Object.entries(ABLATIONS))(
  'what a matvec has besides its %s taken away, it still compiles in every variant, with its bindings and params',
  async (_left, kernel) => {
    expect(kernel).toMatchObject({ bindings: ABLATED.bindings, params: ABLATED.params });
    const variants = [...allVariants()].filter((variant) => variant.kernel.name === ABLATED.name);
    expect(variants.length).toBeGreaterThan(0);
    const pipelines = new PipelineCache(gpu.device);
    for (const variant of variants) await expect(pipelines.get({ ...variant, kernel })).resolves.toBeDefined();
    expect(gpu.failure).toBeUndefined();
  },
);
