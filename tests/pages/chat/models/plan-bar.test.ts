import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextSteps, layOutBar, stepOf } from '../../../../src/pages/chat/models/plan-bar.ts';

const bytes = fc.integer({ min: 0, max: 2 ** 40 });

describe('the bar of a plan', () => {
  it('adds up, whatever is needed and whatever there is', () => {
    const amounts = fc.record({
      weights: bytes,
      kv: bytes,
      activations: bytes,
      budget: fc.option(bytes, { nil: undefined }),
    });
    fc.assert(
      fc.property(amounts, ({ weights, kv, activations, budget }) => {
        const { segments, limit, missing } = layOutBar({ weights, kv, activations, budget });
        const needed = weights + kv + activations;
        const sum = segments.reduce((total, { bytes }) => total + bytes, 0);
        expect(sum).toBe(Math.max(needed, budget ?? 0));
        if (sum > 0) expect(segments.reduce((total, { share }) => total + share, 0)).toBeCloseTo(1, 12);
        expect(missing).toBe(Math.max(0, needed - (budget ?? needed)));
        expect(limit === undefined).toBe(missing === 0);
        if (limit !== undefined) expect(limit * needed).toBeCloseTo(budget!, -1);
        expect(segments.some(({ part }) => part === 'free')).toBe(budget !== undefined && budget > needed);
      }),
    );
  });
});

describe('the context’s slider', () => {
  it('doubles from 1,024 to the longest, which is its last step', () => {
    expect(contextSteps(8192)).toEqual([1024, 2048, 4096, 8192]);
    expect(contextSteps(10_000).at(-1)).toBe(10_000);
    expect(contextSteps(512)).toEqual([512]);
    const steps = contextSteps(8192);
    expect([100, 1024, 5000, 8192, 9000].map((length) => stepOf(steps, length))).toEqual([0, 0, 2, 3, 3]);
  });
});
