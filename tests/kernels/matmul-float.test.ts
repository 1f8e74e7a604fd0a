import { describe, it } from 'vitest';
import { cases } from '../../src/reference/matmul-float.ts';
import { useLab } from './harness.ts';
import { checkMatmul } from './matmul.ts';

describe('matmul-float computes what its oracle computes', () => {
  const lab = useLab();
  it.each(cases)('$name', (testCase) => checkMatmul(lab(), testCase));
});
