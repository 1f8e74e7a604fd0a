/**
 * GPTQ, 4 bits, as its library stores it: a Linear's weight lies transposed, [cols = in, rows = out].
 *
 *   qweight     [cols / 8, rows]     u32; nibble j of word r is column 8 r + j, lowest first
 *   qzeros      [groups, rows / 8]   u32; nibble j of word c is row 8 c + j; the first format stores zero - 1
 *   scales      [groups, rows]
 *   groupIndex  [cols]               the group of each column; absent: column / groupSize
 *
 *   w = (q - zero) * scale, in f32
 */

export interface GptqWeights {
  readonly qweight: Uint32Array;
  readonly qzeros: Uint32Array;
  readonly scales: Float32Array;
  readonly groupIndex?: Uint32Array | undefined;
  /** 1 in the first format, 0 in the second; the sum wraps at 16. */
  readonly zeroOffset: 0 | 1;
}

export interface GroupedDims {
  readonly rows: number;
  readonly cols: number;
  readonly groupSize: number;
}

/** f32 weights [rows, cols]. */
export function dequantizeGptq(
  { qweight, qzeros, scales, groupIndex, zeroOffset }: GptqWeights,
  { rows, cols, groupSize }: GroupedDims,
): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(rows * cols);
  for (let col = 0; col < cols; col++) {
    const group = groupIndex ? groupIndex[col]! : Math.floor(col / groupSize);
    for (let row = 0; row < rows; row++) {
      const code = (qweight[(col >> 3) * rows + row]! >>> (4 * (col & 7))) & 15;
      const stored = (qzeros[group * (rows >> 3) + (row >> 3)]! >>> (4 * (row & 7))) & 15;
      weights[row * cols + col] = (code - ((stored + zeroOffset) & 15)) * scales[group * rows + row]!;
    }
  }
  return weights;
}
