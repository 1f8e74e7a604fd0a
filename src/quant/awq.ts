/**
 * AWQ in its "gemm" version, 4 bits: transposed like GPTQ, but packed along the rows (out), in an order of its own.
 *
 *   qweight  [cols, rows / 8]     u32; nibble i of word c is row 8 c + AWQ_ORDER[i]
 *   qzeros   [groups, rows / 8]   u32; the same order; absent: 8 everywhere
 *   scales   [groups, rows]
 *
 *   w = (q - zero) * scale, in f32
 */
import type { GroupedDims } from './gptq.ts';

/** Which of a word's eight rows each nibble is, lowest nibble first. */
export const AWQ_ORDER: readonly number[] = [0, 2, 4, 6, 1, 3, 5, 7];

/** Where in its word each of eight rows is: bits to shift right. The inverse of `AWQ_ORDER`. */
export const AWQ_SHIFT: readonly number[] = AWQ_ORDER.map((_, row) => 4 * AWQ_ORDER.indexOf(row));

export interface AwqWeights {
  readonly qweight: Uint32Array;
  readonly qzeros: Uint32Array | undefined;
  readonly scales: Float32Array;
}

/** f32 weights [rows, cols]. */
export function dequantizeAwq(
  { qweight, qzeros, scales }: AwqWeights,
  { rows, cols, groupSize }: GroupedDims,
): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(rows * cols);
  const words = rows >> 3;
  for (let col = 0; col < cols; col++) {
    const group = Math.floor(col / groupSize);
    for (let row = 0; row < rows; row++) {
      const shift = AWQ_SHIFT[row & 7]!;
      const code = (qweight[col * words + (row >> 3)]! >>> shift) & 15;
      const zero = qzeros ? (qzeros[group * words + (row >> 3)]! >>> shift) & 15 : 8;
      weights[row * cols + col] = (code - zero) * scales[group * rows + row]!;
    }
  }
  return weights;
}
