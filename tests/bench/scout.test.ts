import { beforeAll, expect, it } from 'vitest';
import { estimateScout } from '../../src/bench/scout.ts';
import { defineBufferUsage, LARGE_GPU } from './adapters.ts';

beforeAll(defineBufferUsage);

const roofline = { readRate: 1e12, readBytes: 1, flopRate: 2e13, dispatchSeconds: 2e-6, roundTripSeconds: 1e-4 };
const rates = {
  weights: { bytes: 8e11, flops: 0, seconds: 1 },
  keys: { bytes: 5e11, flops: 0, seconds: 1 },
  block: { bytes: 0, flops: 1e13, seconds: 1 },
  blockKeys: { bytes: 0, flops: 4e12, seconds: 1 },
};

it('reads each part of a token at the rate of its kernels', () => {
  const { fits, decode, prefillTokensPerSecond, formula } = estimateScout({ facts: LARGE_GPU, roofline, rates });
  expect(fits).toBe('unknown');
  // 8.34 GB of weights at 800 GB/s, 0.4 GB of keys at 500, 400 dispatches of 2 us
  expect(1 / decode[0]!.tokensPerSecond).toBeCloseTo(8.34 / 800 + 0.406 / 500 + 400 * 2e-6, 3);
  expect(decode.map(({ context }) => context)).toEqual([1024, 8192, 32768, 131072]);
  // 15.1 billion multiply-adds a token in the layers at 10 TFLOP/s, and what attention and memory take
  expect(prefillTokensPerSecond).toBeGreaterThan(200);
  expect(prefillTokensPerSecond).toBeLessThan(1e13 / 30.2e9);
  expect(formula.join('\n')).toContain('8.34 GB');
});

it('does not fit where bindings cannot hold its parts, and says which', () => {
  const facts = { ...LARGE_GPU, maxStorageBufferBindingSize: 1024 };
  const { fits, formula } = estimateScout({ facts, roofline, rates });
  expect(fits).toBe('no');
  expect(formula.join()).toContain('1024');
});
