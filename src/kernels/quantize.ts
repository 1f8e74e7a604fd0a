import source from '../../shaders/quantize.wgsl?raw';
import floats from '../../shaders/shared/float-weights.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import { FLOAT_CODE, type FloatDtype } from './matrix.ts';
import type { Band, BandDispatch, BandPlace } from './transpose.ts';
import { plain } from './variants.ts';

/** Load-time quantization to symmetric int4 or affine int8. Shapes: shaders/quantize.wgsl. */
export const quantizeKernel = defineKernel('quantize', source, [floats]);

/** What a matrix [rows, cols] of floats becomes, and which way it arrives. */
export interface QuantizeShape {
  readonly bits: 4 | 8;
  readonly from: FloatDtype;
  readonly groupSize: number;
  /** The source is [cols, rows]. */
  readonly transposed: boolean;
  readonly rows: number;
  /** A multiple of `groupSize`. */
  readonly cols: number;
}

/** Bytes from the place's offset to the blob's scales and biases; multiples of 4. */
export interface QuantizePlace extends BandPlace {
  readonly scalesAt?: number | undefined;
  /** With 8 bits. */
  readonly zerosAt?: number | undefined;
}

/**
 * Quantizes a band: rows firstOut .. firstOut + outRows - 1 of the matrix, as far as they are in it, become rows `row` .. of
 * a blob. Buffers: `band` holds the source's rows from its start, `matrix` the blob. The grid is empty where the band has
 * none of the place's rows.
 * @param band rows of the source; transposed, multiples of `groupSize`, which is at most 65,535 groups
 * @throws RangeError where groups would be cut
 */
export function quantizeBand(shape: QuantizeShape, band: Band, place: QuantizePlace): BandDispatch {
  const { bits, from, groupSize, transposed, rows, cols } = shape;
  const { offset, scalesAt = 0, zerosAt = 0 } = place;
  const sourceRows = transposed ? [band.firstRow, band.rows] : [];
  if ([cols, ...sourceRows].some((count) => count % groupSize !== 0))
    throw new RangeError(
      `quantize: ${band.rows} rows from ${band.firstRow} of ${transposed ? `[${cols}, ${rows}]` : `[${rows}, ${cols}]`} are not whole groups of ${groupSize}`,
    );
  const first = transposed ? place.firstOut : Math.max(place.firstOut, band.firstRow);
  const end = place.firstOut + place.outRows;
  const outRows = Math.max(0, (transposed ? end : Math.min(end, band.firstRow + band.rows)) - first);
  const groups = (transposed ? band.rows : cols) / groupSize;
  return {
    variant: plain(quantizeKernel, { ELEMENT: FLOAT_CODE[from], BITS: bits, GROUP_SIZE: groupSize }),
    params: {
      in_cols: cols,
      out_rows: outRows,
      source_at: transposed ? first : (first - band.firstRow) * cols,
      out_stride: transposed ? 1 : cols,
      in_stride: transposed ? rows : 1,
      first_row: place.row + first - place.firstOut,
      first_group: transposed ? band.firstRow / groupSize : 0,
      words_at: offset / 4,
      scales_at: (offset + scalesAt) / 4,
      biases_at: (offset + zerosAt) / 4,
    },
    grid: outRows === 0 ? [0, 0, 1] : [Math.ceil(outRows / 64), groups, 1],
  };
}
