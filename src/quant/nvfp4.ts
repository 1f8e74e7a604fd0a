/**
 * NVFP4: E2M1 codes in groups of 16 along a row, each group with an E4M3 scale, the whole matrix with one f32.
 *
 *   packed  [rows, cols / 2]    u8; low nibble = even column
 *   scales  [rows, cols / 16]   E4M3
 *
 *   w = e2m1 * (scale / global)   compressed-tensors
 *   w = e2m1 * (scale * global)   ModelOpt
 */
import { E4M3 } from './fp8.ts';

/** Columns that share a scale. */
export const NVFP4_GROUP = 16;

/** The value of each code: sign, 2 bits of exponent with bias 1, 1 of fraction. */
export const E2M1: readonly number[] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

export interface Nvfp4Weights {
  readonly packed: Uint8Array;
  readonly scales: Uint8Array;
  readonly globalScale: number;
  /** compressed-tensors divides by the global scale, ModelOpt multiplies. */
  readonly divides: boolean;
}

/** f32 weights [rows, cols]. */
export function dequantizeNvfp4(
  { packed, scales, globalScale, divides }: Nvfp4Weights,
  { rows, cols }: { readonly rows: number; readonly cols: number },
): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(rows * cols);
  for (let i = 0; i < weights.length; i++) {
    const scale = E4M3[scales[Math.floor(i / NVFP4_GROUP)]!]!;
    const product = Math.fround(divides ? scale / globalScale : scale * globalScale);
    weights[i] = E2M1[(packed[i >> 1]! >>> (4 * (i & 1))) & 15]! * product;
  }
  return weights;
}
