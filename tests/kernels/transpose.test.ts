import { describe, expect, it } from 'vitest';
import { transposeKernel } from '../../src/kernels/transpose.ts';
import { plain } from '../../src/kernels/variants.ts';
import { cases, transposeData } from '../../src/reference/transpose.ts';
import { useLab } from './harness.ts';

describe('transpose moves exactly the bits that its oracle moves', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { bits, inCols, outRows, matrixAt = 0 } = testCase;
    const { band, matrix, expected } = transposeData(testCase);
    const target = lab().buffer(matrix);
    await lab().run({ position: 0, rows: 1 }, (recorder) =>
      recorder.dispatch({
        variant: plain(transposeKernel, { BITS: bits }),
        buffers: { band: lab().buffer(band), matrix: target },
        params: {
          in_cols: inCols,
          out_rows: outRows,
          first_row: testCase.band.first,
          band_rows: testCase.band.count,
          matrix_at: matrixAt,
        },
        grid: [Math.ceil(outRows / 64), (testCase.band.count * bits) / 32, 1],
      }),
    );
    const found = await lab().words(target, expected.length);
    expect(found.findIndex((word, at) => word !== expected[at])).toBe(-1);
  });
});
