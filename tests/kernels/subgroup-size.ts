/**
 * The matvec cases, and some of the matmul's, at one subgroup size. lavapipe's follows its native vector width, which it reads from the environment
 * when it starts: so each size has a test file, and thereby a process, of its own.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { installedDrivers } from '../../src/gpu/node.ts';
import { cases as matmulFloatCases } from '../../src/reference/matmul-float.ts';
import { cases as matmulInt4Cases } from '../../src/reference/matmul-int4.ts';
import { cases as floatCases } from '../../src/reference/matvec-float.ts';
import { cases as int4Cases } from '../../src/reference/matvec-int4.ts';
import { cases as packedCases } from '../../src/reference/matvec-packed.ts';
import { type Lab, openLab } from './harness.ts';
import { checkMatmul } from './matmul.ts';
import { checkMatvec } from './matvec.ts';

export function testSubgroupSize(size: 4 | 8 | 16): void {
  const missing = installedDrivers('lavapipe').length === 0;
  describe.skipIf(missing)(`with ${size} threads in a subgroup [needs lavapipe]`, () => {
    let lab: Lab;
    beforeAll(async () => {
      process.env.LP_NATIVE_VECTOR_WIDTH = String(32 * size);
      lab = await openLab({}, 'lavapipe');
      expect(lab.gpu.facts).toMatchObject({ subgroups: true, subgroupMinSize: size, subgroupMaxSize: size });
    });
    afterEach(() => lab.release());
    afterAll(() => lab?.gpu.destroy());

    // Plain stores and SwiGLU: the two ways in which the sums of a subgroup are used.
    // One codec is enough for the packed outline: codecs know nothing of subgroups.
    const packed = packedCases.filter(({ weights }) => weights.kind === 'affine');
    const some = [...int4Cases, ...floatCases, ...packed].filter(
      ({ f16, swiglu, experts }) => f16 || (swiglu && experts),
    );
    it.each(some)('matvec of $weights.kind weights: $name', (testCase) =>
      checkMatvec(lab, { ...testCase, f16: false }),
    );

    const blocks = [...matmulInt4Cases, ...matmulFloatCases].filter(({ swiglu, experts }) => swiglu && experts);
    it.each(blocks)('matmul of $weights.kind weights: $name', (testCase) => checkMatmul(lab, testCase, 'rows'));
  });
}
