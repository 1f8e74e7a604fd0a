/**
 * MLX's affine quantization, 4 or 8 bits.
 *
 *   packed  [rows, cols * bits / 32]   u32; lowest bits = lowest column, unsigned
 *   scales  [rows, cols / groupSize]   may be negative: the end of the range with the larger magnitude is exact
 *   biases  [rows, cols / groupSize]
 *
 *   w = q * scale + bias, in f32
 */

export interface AffineWeights {
  readonly packed: Uint32Array;
  readonly scales: Float32Array;
  readonly biases: Float32Array;
}

export interface AffineDims {
  readonly rows: number;
  /** A multiple of `groupSize`. */
  readonly cols: number;
  /** A multiple of 8. */
  readonly groupSize: number;
  readonly bits: 4 | 8;
}

/** f32 weights [rows, cols]. */
export function dequantizeAffine(
  { packed, scales, biases }: AffineWeights,
  { rows, cols, groupSize, bits }: AffineDims,
): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(rows * cols);
  const perWord = 32 / bits;
  const mask = 2 ** bits - 1;
  for (let i = 0; i < weights.length; i++) {
    const group = Math.floor(i / groupSize); // cols is a multiple of groupSize, so groups never straddle rows
    const code = (packed[Math.floor(i / perWord)]! >>> (bits * (i % perWord))) & mask;
    weights[i] = Math.fround(code * scales[group]!) + biases[group]!;
  }
  return weights;
}
