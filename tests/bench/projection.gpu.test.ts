import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOUNDS, normalizedError } from '../../src/bench/kernels/error.ts';
import { prepareProjection } from '../../src/bench/kernels/projection.ts';
import { Lab } from '../../src/bench/lab.ts';
import { openDevice } from '../../src/gpu/device.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { kernelOptions } from '../../src/kernels/variants.ts';
import { cases as floats } from '../../src/reference/matvec-float.ts';
import { cases as int4 } from '../../src/reference/matvec-int4.ts';
import { cases as packed } from '../../src/reference/matvec-packed.ts';

describe('a matrix whose rows repeat is what its oracle says', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = new Lab(await openDevice((await openNodeGpu()).gpu));
  });
  afterAll(() => lab.gpu.destroy());

  const benched = [...int4, ...floats, ...packed].filter(({ bench }) => bench);
  const paired = { ...benched[0]!, name: 'SwiGLU', swiglu: true, add: false };
  const stack = { ...benched[0]!, name: 'experts', experts: { total: 2, first: 0, count: 2 } };

  it.each([...benched, paired, stack])('$name', async (testCase) => {
    const low = { ...testCase, outputs: 192 };
    const error = await lab.scoped('a case', async () => {
      const options = kernelOptions(lab.gpu.facts, 'f32');
      const { runs, expected, found } = await prepareProjection(lab, 'matvec', low, options);
      await lab.run(runs[0]!);
      expect(expected).toHaveLength(192);
      return normalizedError(await found(), expected);
    });
    expect(error).toBeLessThanOrEqual(BOUNDS.f32);
  });
});
