import { seeded } from './random.ts';

/** A band of a published matrix [in, out] on its way into [out, in]. */
export interface TransposeCase {
  readonly name: string;
  /** Bits per element. */
  readonly bits: 16 | 32;
  /** Rows of the published matrix: columns of the result. */
  readonly inCols: number;
  readonly outRows: number;
  /** The published rows that arrive: first .. first + count - 1. */
  readonly band: { readonly first: number; readonly count: number };
  /** Words before the result. Default 0. */
  readonly matrixAt?: number;
}

/** band [count, outRows] and matrix [outRows, inCols] (after `matrixAt` words), before and after, as words. */
export function transposeData({ name, bits, inCols, outRows, band, matrixAt = 0 }: TransposeCase) {
  const random = seeded(name);
  const perWord = 32 / bits;
  const from = random.words((band.count * outRows) / perWord);
  const matrix = random.words(matrixAt + (inCols * outRows) / perWord);
  const expected = matrix.slice();
  const elements = (words: Uint32Array) => (bits === 16 ? new Uint16Array(words.buffer, words.byteOffset) : words);
  const source = elements(from);
  const target = elements(expected.subarray(matrixAt));
  for (let row = 0; row < band.count; row++) {
    for (let out = 0; out < outRows; out++) target[out * inCols + band.first + row] = source[row * outRows + out]!;
  }
  return { band: from, matrix, expected };
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly TransposeCase[] = [
  { name: 'a whole small matrix', bits: 16, inCols: 8, outRows: 8, band: { first: 0, count: 8 } },
  { name: 'a later band', bits: 16, inCols: 40, outRows: 132, band: { first: 6, count: 22 } },
  { name: 'behind other weights', bits: 16, inCols: 24, outRows: 70, band: { first: 20, count: 4 }, matrixAt: 96 },
  { name: 'f32', bits: 32, inCols: 24, outRows: 65, band: { first: 5, count: 9 }, matrixAt: 8 },
  { name: 'Scout gate_up_proj, a band', bits: 16, inCols: 5120, outRows: 1024, band: { first: 128, count: 64 } },
];
