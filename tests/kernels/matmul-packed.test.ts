import { describe, it } from 'vitest';
import { cases } from '../../src/reference/matmul-packed.ts';
import { useLab } from './harness.ts';
import { checkMatmul } from './matmul.ts';

describe('matmul-packed computes what its oracle computes', () => {
  const lab = useLab();
  it.each(cases)('$name', (testCase) => checkMatmul(lab(), testCase));
});
