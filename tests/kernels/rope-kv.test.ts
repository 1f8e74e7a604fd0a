import { describe, it } from 'vitest';
import { ropeAndStore } from '../../src/kernels/rope-kv.ts';
import { cases, ropeKvData } from '../../src/reference/rope-kv.ts';
import { shapeOf } from './attention.ts';
import { expectClose, useLab } from './harness.ts';

describe('rope-kv finishes queries and stores keys and values as its oracle does', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { slots, first } = testCase;
    const data = ropeKvData(testCase);
    const [qkv, kv] = [lab().buffer(data.qkv), lab().buffer(data.kv)];
    const request = {
      ...testCase,
      state: lab().state(testCase),
      table: lab().buffer(data.table),
      tableRows: data.tableRows,
      qkv,
      shape: shapeOf(testCase, first === undefined),
      regions: [{ first: first ?? 0, slots, buffer: () => kv }],
    };
    await lab().run(testCase, (recorder) => ropeAndStore(recorder, request));
    expectClose(await lab().floats(qkv, data.qkv.length), data.expectedQkv);
    expectClose(await lab().floats(kv, data.kv.length), data.expectedKv);
  });
});
