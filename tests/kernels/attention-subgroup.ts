/**
 * The ways that shuffle, at one subgroup size. lavapipe's follows its native vector width, which it reads from the
 * environment when it starts: so each size has a test file, and thereby a process, of its own.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { installedDrivers } from '../../src/gpu/node.ts';
import { attentionVariants } from '../../src/kernels/attention-variants.ts';
import { cases } from '../../src/reference/attention.ts';
import { checkAttention } from './attention.ts';
import { type Lab, openLab } from './harness.ts';

/** A driver compiles each pair of sizes for a second: one group that fits the lanes, one that does not. */
const SOME = ['segments, the last just begun', 'a block that carries over segments', 'the widest head'];

export function testAttentionSubgroupSize(size: 4 | 16): void {
  const missing = installedDrivers('lavapipe').length === 0;
  describe.skipIf(missing)(`with ${size} threads in a subgroup [needs lavapipe]`, () => {
    let lab: Lab;
    beforeAll(async () => {
      process.env.LP_NATIVE_VECTOR_WIDTH = String(32 * size);
      lab = await openLab({}, 'lavapipe');
      expect(attentionVariants(lab.gpu.facts)[0]).toEqual({ name: 'shuffles', lanes: size });
    });
    afterEach(() => lab.release());
    afterAll(() => lab?.gpu.destroy());

    const some = cases.filter(({ name }) => SOME.includes(name));
    it.each(some)('attention: $name', (testCase) => checkAttention(lab, { ...testCase, everyVariant: undefined }));
  });
}
