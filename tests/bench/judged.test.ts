import { expect, it } from 'vitest';
import { judged } from '../../src/bench/judged.ts';
import type { BenchResults, KernelResult } from '../../src/bench/results.ts';
import { shareOf } from '../../src/bench/share.ts';
import { LARGE_GPU } from './adapters.ts';

const kernel: KernelResult = {
  kernel: 'matvec',
  case: 'a case',
  variant: 'one',
  seconds: 1e-3,
  bytes: 5e8,
  flops: 1e9,
  share: 0,
  error: 1e-4,
  bound: 1e-9,
  correct: false,
};

const results: BenchResults = {
  version: 1,
  date: '2026-11-22T00:00:00Z',
  outrider: '0',
  userAgent: 'test',
  adapter: LARGE_GPU,
  limits: {},
  variants: {},
  warnings: ['one before'],
  roofline: { readRate: 1e12, readBytes: 1, flopRate: 1e13, dispatchSeconds: 1e-6, roundTripSeconds: 1e-4 },
  kernels: [kernel],
  model: undefined,
  scout: undefined,
  curves: undefined,
};

it('a share is the longer of what the bytes and the operations need, over what was taken', () => {
  const roofs = { readRate: 1e9, flopRate: 1e10 };
  expect(shareOf({ bytes: 1e9, flops: 1e9 }, 2, roofs)).toBe(0.5);
  expect(shareOf({ bytes: 1e9, flops: 3e10 }, 4, roofs)).toBe(0.75);
});

it('shares go by the roofline that the results have; what is wrong is said once', () => {
  const once = judged(results);
  expect(once.kernels[0]!.share).toBeCloseTo(0.5);
  expect(once.warnings).toHaveLength(2);
  expect(once.warnings[1]).toMatch(/matvec is wrong here.*1\.0e-4.*1\.0e-9/);
  const again = judged({ ...once, roofline: { ...results.roofline, readRate: 2e12 } });
  expect(again.kernels[0]!.share).toBeCloseTo(0.25);
  expect(again.warnings).toEqual(once.warnings);
});
