import source from '../../shaders/transpose.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { DispatchRequest } from '../gpu/plan.ts';
import { plain } from './variants.ts';

/** Load-time re-layout of [in, out] matrices, a bijection. Shapes: shaders/transpose.wgsl. */
export const transposeKernel = defineKernel('transpose', source);

/** What a matrix is like that arrives as [in, out]. */
export interface TransposeShape {
  /** Of an element; 4 is AWQ's order of columns. */
  readonly bits: 4 | 8 | 16 | 32;
  /** Elements of a row of the result: rows of the source. A multiple of 32 / bits. */
  readonly inCols: number;
  /** Elements of a row of the source. A multiple of 32 / bits. */
  readonly sourceCols: number;
}

/** Rows of a source that are in a buffer. */
export interface Band {
  readonly firstRow: number;
  readonly rows: number;
}

/** Columns firstOut .. firstOut + outRows - 1 of the source become rows `row` .. of a matrix. */
export interface BandPlace {
  /** Bytes; a multiple of 4: where row 0 of the matrix begins in the buffer. */
  readonly offset: number;
  readonly firstOut: number;
  readonly outRows: number;
  readonly row: number;
}

/** A dispatch that still needs its buffers. */
export type BandDispatch = Pick<DispatchRequest, 'variant' | 'params'> & {
  readonly grid: readonly [number, number, 1];
};

/**
 * Writes a band's columns as rows. Buffers: `band` holds the source's rows from its start, `matrix` the result.
 * @param band its rows are multiples of 32 / bits, at most 65,535 times that
 * @throws RangeError where rows do not begin and end at words
 */
export function transposeBand(
  { bits, inCols, sourceCols }: TransposeShape,
  band: Band,
  place: BandPlace,
): BandDispatch {
  const perWord = 32 / bits;
  if ([inCols, sourceCols, band.firstRow, band.rows].some((count) => count % perWord !== 0))
    throw new RangeError(
      `transpose: ${band.rows} rows from ${band.firstRow} of [${inCols}, ${sourceCols}] are not whole words of ${perWord} elements`,
    );
  const words = Math.ceil((place.firstOut + place.outRows) / perWord) - Math.floor(place.firstOut / perWord);
  return {
    variant: plain(transposeKernel, { BITS: bits }),
    params: {
      in_cols: inCols,
      source_cols: sourceCols,
      first_out: place.firstOut,
      out_rows: place.outRows,
      first_row: band.firstRow,
      matrix_at: place.offset / 4 + (place.row * inCols) / perWord,
    },
    grid: [Math.ceil(words / 64), band.rows / perWord, 1],
  };
}
