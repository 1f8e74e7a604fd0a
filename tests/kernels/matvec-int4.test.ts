import { describe, it } from 'vitest';
import { cases } from '../../src/reference/matvec-int4.ts';
import { useLab } from './harness.ts';
import { checkMatvec } from './matvec.ts';

describe('matvec-int4 computes what its oracle computes', () => {
  const lab = useLab();
  it.each(cases)('$name', (testCase) => checkMatvec(lab(), testCase));
});
