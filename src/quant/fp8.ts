/**
 * FP8 E4M3 as OCP defines it (`float8_e4m3fn`): sign, 4 bits of exponent with bias 7, 3 of fraction; no infinities, NaN is
 * 0x7f and 0xff, the largest finite value 448.
 *
 *   codes   [rows, cols]                                             u8
 *   scales  [ceil(rows / block.rows), ceil(cols / block.cols)]       one per channel, block or tensor
 *
 *   w = e4m3 * scale, in f32
 */

/** The value of each code; exact. */
export const E4M3: Float32Array<ArrayBuffer> = Float32Array.from({ length: 256 }, (_, code) => e4m3(code));

function e4m3(code: number): number {
  const sign = code & 0x80 ? -1 : 1;
  const exponent = (code >> 3) & 15;
  const fraction = code & 7;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}

export interface Fp8Dims {
  readonly rows: number;
  readonly cols: number;
  /** What one scale covers. Blocks at the right and lower edges may be cut off. */
  readonly block: { readonly rows: number; readonly cols: number };
}

/** f32 weights [rows, cols]. */
export function dequantizeFp8(
  codes: Uint8Array,
  scales: Float32Array,
  { rows, cols, block }: Fp8Dims,
): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(rows * cols);
  const scalesPerRow = Math.ceil(cols / block.cols);
  for (let row = 0; row < rows; row++) {
    const firstScale = Math.floor(row / block.rows) * scalesPerRow;
    for (let col = 0; col < cols; col++) {
      const at = row * cols + col;
      weights[at] = E4M3[codes[at]!]! * scales[firstScale + Math.floor(col / block.cols)]!;
    }
  }
  return weights;
}

/** Index of the first NaN among E4M3 codes, or -1. */
export function firstNanE4m3(codes: Uint8Array): number {
  for (let i = 0; i < codes.length; i++) {
    if ((codes[i]! & 0x7f) === 0x7f) return i;
  }
  return -1;
}
