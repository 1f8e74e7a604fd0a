import { describe, expect, it } from 'vitest';
import { transposeBand } from '../../src/kernels/transpose.ts';
import { cases, transposeData } from '../../src/reference/transpose.ts';
import { FREE, useLab } from './harness.ts';

describe('transpose moves exactly the bits that its oracle moves', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { out, sourceCols, matrixAt = 0, row = 0 } = testCase;
    const data = transposeData(testCase);
    const matrix = lab().buffer(data.matrix);
    const { first, count } = out ?? { first: 0, count: sourceCols };
    const rows = { firstRow: testCase.band.first, rows: testCase.band.count };
    const place = { offset: 4 * matrixAt, firstOut: first, outRows: count, row };
    const buffers = { band: lab().buffer(data.band), matrix };
    const request = { ...transposeBand(testCase, rows, place), buffers, cost: () => FREE };
    await lab().run({ position: 0, rows: 1 }, (recorder) => recorder.dispatch(request));
    const found = await lab().words(matrix, data.expected.length);
    expect(found.findIndex((word, at) => word !== data.expected[at])).toBe(-1);
  });
});
