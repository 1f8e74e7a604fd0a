import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leaveOnly, PARTS } from '../../../src/cli/bench/peers/page/ablate.ts';
import { type Gpu, openDevice } from '../../../src/gpu/device.ts';
import { PipelineCache } from '../../../src/gpu/kernel.ts';
import { openNodeGpu } from '../../../src/gpu/node.ts';
import { allVariants } from '../../../src/kernels/index.ts';
import { MATMUL_KERNELS } from '../../../src/kernels/matmul-kernels.ts';
import { MATVEC_KERNELS } from '../../../src/kernels/matvec-kernels.ts';

const { plain, subgroup } = MATVEC_KERNELS.rows;
const KERNELS = [plain.f32.int4, subgroup.f32.int4, MATMUL_KERNELS.rows.int4, MATMUL_KERNELS['rows-subgroup'].int4];

describe('the int4 kernels of software adapters with a part taken away', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openDevice((await openNodeGpu({ backend: 'null' })).gpu);
  });
  afterAll(() => gpu.destroy());

  it.each(KERNELS)('$name compiles in every variant, with its own bindings and params', async (kernel) => {
    const variants = [...allVariants()].filter((variant) => variant.kernel.name === kernel.name);
    expect(variants.length).toBeGreaterThan(0);
    const pipelines = new PipelineCache(gpu.device);
    for (const part of PARTS) {
      const left = leaveOnly(part, kernel)!;
      for (const variant of variants) await pipelines.get({ ...variant, kernel: left });
    }
    expect(gpu.failure).toBeUndefined();
  });
});

it('arithmetic alone loads nothing of weights and x, and loads alone have another product', () => {
  for (const kernel of KERNELS) {
    const [loads, arithmetic] = PARTS.map((part) => leaveOnly(part, kernel)!.source);
    expect(arithmetic).not.toMatch(/(?<![.\w])(?:blob\d?|x|norm)\[/);
    expect(arithmetic!.match(/fn dot\d+\([^{]*\{[^}]*\}/g)).toEqual(kernel.source.match(/fn dot\d+\([^{]*\{[^}]*\}/g));
    expect(loads).not.toEqual(kernel.source);
    expect(loads!.match(/(?<![.\w])(?:blob\d?|x|norm)\[/g)).toEqual(
      kernel.source.match(/(?<![.\w])(?:blob\d?|x|norm)\[/g),
    );
  }
});
