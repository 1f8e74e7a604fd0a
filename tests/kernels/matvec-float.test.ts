import { describe, it } from 'vitest';
import { cases } from '../../src/reference/matvec-float.ts';
import { useLab } from './harness.ts';
import { checkMatvec } from './matvec.ts';

describe('matvec-float computes what its oracle computes', () => {
  const lab = useLab();
  it.each(cases)('$name', (testCase) => checkMatvec(lab(), testCase));
});
