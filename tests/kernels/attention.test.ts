import { describe, it } from 'vitest';
import { cases } from '../../src/reference/attention.ts';
import { checkAttention } from './attention.ts';
import { useLab } from './harness.ts';

describe('every way to compute attention computes what the oracle computes in one softmax', () => {
  const lab = useLab();
  it.each(cases)('$name', (testCase) => checkAttention(lab(), testCase));
});
