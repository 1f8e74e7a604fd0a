/** The numbers of a product: the same for every contender. */
import { seeded } from '../../../../reference/random.ts';
import type { ProductCase } from '../types.ts';

export interface ProductData extends ProductCase {
  /** [rows, cols / 8] u32 of 8 nibbles, lowest column first; the zero is 8. */
  readonly words: Uint32Array;
  /** [rows, cols / block] f16, as checkpoints store them. */
  readonly scaleBits: Uint16Array;
  /** The same values in f32. */
  readonly scales: Float32Array;
  readonly x: Float32Array; // [tokens, cols]
}

/** Of y whose exact value is computed. */
const CHECKED_VALUES = 64;
/** 2^-7, and its exponent's bits in f16: scales lie between it and twice as much. */
const LEAST_SCALE = { value: 2 ** -7, bits: 8 << 10 };

export function makeProduct(product: ProductCase): ProductData {
  const { rows, cols, tokens, block } = product;
  const random = seeded(JSON.stringify({ rows, cols, block }));
  const mantissas = new Uint16Array((rows * cols) / block).map(() => random.below(1024));
  return {
    ...product,
    words: random.words((rows * cols) / 8),
    scaleBits: mantissas.map((mantissa) => LEAST_SCALE.bits | mantissa),
    scales: Float32Array.from(mantissas, (mantissa) => LEAST_SCALE.value * (1 + mantissa / 1024)),
    x: random.normals(tokens * cols),
  };
}

/** Root mean square error of values spread over y [tokens, rows], over that of the products in f64. */
export function errorOf({ rows, cols, tokens, block, words, scales, x }: ProductData, y: Float32Array): number {
  let [errors, squares] = [0, 0];
  for (let checked = 0; checked < CHECKED_VALUES; checked++) {
    const at = Math.floor((checked * (tokens * rows - 1)) / (CHECKED_VALUES - 1));
    const [token, row] = [Math.floor(at / rows), at % rows];
    let expected = 0;
    for (let col = 0; col < cols; col++) {
      const nibble = (words[(row * cols + col) >>> 3]! >>> (4 * (col & 7))) & 15;
      expected += (nibble - 8) * scales[Math.floor((row * cols + col) / block)]! * x[token * cols + col]!;
    }
    errors += (y[at]! - expected) ** 2;
    squares += expected ** 2;
  }
  return Math.sqrt(errors / squares);
}
