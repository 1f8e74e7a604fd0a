import { describe, it } from 'vitest';
import { cases } from '../../src/reference/matmul-int4.ts';
import { projectionData } from '../../src/reference/projection.ts';
import { projectionOptions, useLab } from './harness.ts';
import { checkProjection } from './projection.ts';

describe('matmul-int4 computes what its oracle computes, in every variant of this adapter', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const data = projectionData(testCase);
    for (const { options, bound } of projectionOptions(lab().gpu)) {
      await checkProjection(lab(), 'matmul', testCase, data, options, bound);
    }
  });
});
