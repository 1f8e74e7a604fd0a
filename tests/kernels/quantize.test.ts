import { describe, expect, it } from 'vitest';
import { quantizeBand } from '../../src/kernels/quantize.ts';
import { cases, quantizeData } from '../../src/reference/quantize.ts';
import { FREE, useLab } from './harness.ts';

describe('quantize writes, bit for bit, what its oracle writes', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { rows, cols, transposed, matrixAt = 0, row = 0 } = testCase;
    const data = quantizeData(testCase);
    const matrix = lab().buffer(data.matrix);
    const out = testCase.out ?? { first: 0, count: rows };
    const band = testCase.band ?? { first: 0, count: transposed ? cols : rows };
    const place = {
      offset: 4 * matrixAt,
      firstOut: out.first,
      outRows: out.count,
      row,
      scalesAt: 4 * (data.scalesAt - matrixAt),
      zerosAt: 4 * (data.zerosAt - matrixAt),
    };
    const dispatch = quantizeBand(testCase, { firstRow: band.first, rows: band.count }, place);
    const request = { ...dispatch, buffers: { band: lab().buffer(data.band), matrix }, cost: () => FREE };
    await lab().run({ position: 0, rows: 1 }, (recorder) => recorder.dispatch(request));
    const found = await lab().words(matrix, data.expected.length);
    expect(found.findIndex((word, at) => word !== data.expected[at])).toBe(-1);
  });
});
