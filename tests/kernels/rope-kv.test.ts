import { describe, expect, it } from 'vitest';
import { ropeAndStore } from '../../src/kernels/rope-kv.ts';
import type { Numbers } from '../../src/reference/numbers.ts';
import { cases, ropeKvData } from '../../src/reference/rope-kv.ts';
import { floatMatrix } from '../../src/reference/stored.ts';
import { shapeOf } from './attention.ts';
import { expectClose, useLab, withRowThreads } from './harness.ts';

describe('rope-kv finishes queries and stores keys and values as its oracle does', () => {
  const lab = useLab();
  it.each(withRowThreads(cases))('$name, $rowThreads threads', async ({ rowThreads, ...testCase }) => {
    const { slots, first, kvDtype = 'f32' } = testCase;
    const data = ropeKvData(testCase);
    const [qkv, kv] = [lab().buffer(data.qkv), lab().buffer(data.kv)];
    const request = {
      ...testCase,
      state: lab().state(testCase),
      table: lab().buffer(data.table),
      tableRows: data.tableRows,
      qkv,
      shape: shapeOf(testCase, first === undefined, kvDtype),
      regions: [{ first: first ?? 0, slots, buffer: () => kv }],
    };
    await lab().run(testCase, (recorder) => ropeAndStore(recorder, { rowThreads }, request));
    expectClose(await lab().floats(qkv, data.qkv.length), data.expectedQkv);
    const words = await lab().words(kv, data.kv.length);
    const stored = floatMatrix(words, 1, data.expectedKv.length, kvDtype === 'f16' ? 'F16' : 'F32').values;
    if (kvDtype === 'f16') expectHalves(stored, data.expectedKv);
    else expectClose(stored, data.expectedKv);
  });
});

/**
 * Each is one of the two f16 next to the exact value, as WGSL allows, which are 2^-10 apart at most; the f32 arithmetic
 * before adds a little. Adapters may flush what f16 holds only as a subnormal, below 2^-14.
 */
function expectHalves(found: Numbers, expected: Numbers): void {
  const misses = expected.filter((value, at) => {
    const bound = Math.max(Math.abs(value) * (2 ** -10 + 2 ** -18), 2 ** -14);
    return !(Math.abs(found[at]! - value) <= bound);
  });
  expect(misses).toHaveLength(0);
}
