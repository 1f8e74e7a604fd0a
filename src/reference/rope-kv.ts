import type { Numbers } from './numbers.ts';

/** cos and sin of position * frequency. frequencies [pairs] -> [positions, pairs, 2] */
export function ropeTable(positions: ArrayLike<number>, frequencies: Float64Array): Float64Array {
  const pairs = frequencies.length;
  const table = new Float64Array(positions.length * pairs * 2);
  for (let row = 0; row < positions.length; row++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = positions[row]! * frequencies[pair]!;
      table[2 * (row * pairs + pair)] = Math.cos(angle);
      table[2 * (row * pairs + pair) + 1] = Math.sin(angle);
    }
  }
  return table;
}

/**
 * Rotates the interleaved pairs (2j, 2j + 1) of every head by its token's angles: Llama 4 keeps Meta's order, so this
 * is not the half-rotation of Llama 2 and 3.
 * x [tokens, heads, headDim], table [tokens, headDim / 2, 2] -> [tokens, heads, headDim]
 */
export function rotate(x: Numbers, headDim: number, table: Numbers): Float64Array {
  const tokens = table.length / headDim;
  const width = x.length / tokens;
  const rotated = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += 2) {
    const angle = Math.floor(at / width) * headDim + (at % headDim);
    const [cos, sin] = [table[angle]!, table[angle + 1]!];
    rotated[at] = x[at]! * cos - x[at + 1]! * sin;
    rotated[at + 1] = x[at]! * sin + x[at + 1]! * cos;
  }
  return rotated;
}

/** Multiplies each token's row by its factor. x [tokens, width], factors [tokens] -> [tokens, width] */
export function scaleRows(x: Numbers, factors: Numbers): Float64Array {
  const width = x.length / factors.length;
  const scaled = new Float64Array(x.length);
  for (let at = 0; at < x.length; at++) scaled[at] = x[at]! * factors[Math.floor(at / width)]!;
  return scaled;
}
