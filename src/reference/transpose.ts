import { seeded } from './random.ts';

/** A band of a matrix [in, out] on its way into a blob's [out, in]. */
export interface TransposeCase {
  readonly name: string;
  /** Bits per element; 4: words of eight columns in AWQ's order. */
  readonly bits: 4 | 8 | 16 | 32;
  /** Rows of the whole source: columns of the result. */
  readonly inCols: number;
  readonly sourceCols: number;
  /** The source's columns that are taken. Default all. */
  readonly out?: { readonly first: number; readonly count: number };
  /** The source's rows that arrive: first .. first + count - 1. */
  readonly band: { readonly first: number; readonly count: number };
  /** Rows of the result before the first one that is written. Default 0. */
  readonly row?: number;
  /** Words before the result. Default 0. */
  readonly matrixAt?: number;
}

/** Where column c of eight lies in AWQ's word. */
const AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7];

/**
 * band [count, sourceCols] and matrix [row + outs, inCols] (after `matrixAt` words), before and after, as words. Elements are
 * moved one by one through arrays of their own.
 */
export function transposeData({ name, bits, inCols, sourceCols, out, band, row = 0, matrixAt = 0 }: TransposeCase) {
  const random = seeded(name);
  const { first, count } = out ?? { first: 0, count: sourceCols };
  const perWord = 32 / bits;
  const from = random.words(Math.ceil((band.count * sourceCols) / perWord));
  const matrix = random.words(matrixAt + (inCols * (row + count)) / perWord);
  const source = elementsOf(from, bits).map((value, at, all) => {
    if (bits !== 4) return value;
    return all[at - (at % 8) + AWQ_PLACES[at % 8]!]!;
  });
  const result = elementsOf(matrix.subarray(matrixAt), bits);
  for (let k = 0; k < band.count; k++) {
    for (let o = 0; o < count; o++) result[(row + o) * inCols + band.first + k] = source[k * sourceCols + first + o]!;
  }
  const expected = matrix.slice();
  expected.fill(0, matrixAt);
  result.forEach((value, at) => {
    expected[matrixAt + Math.floor(at / perWord)]! |= value << (bits * (at % perWord));
  });
  return { band: from, matrix, expected };
}

/** Each element of packed words in one of its own, lowest bits first. */
function elementsOf(words: Uint32Array, bits: number): Uint32Array {
  const perWord = 32 / bits;
  return new Uint32Array(words.length * perWord).map(
    (_, at) => (words[Math.floor(at / perWord)]! >>> (bits * (at % perWord))) & (2 ** bits - 1),
  );
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly TransposeCase[] = [
  { name: 'a whole small matrix', bits: 16, inCols: 8, sourceCols: 8, band: { first: 0, count: 8 } },
  { name: 'a later band', bits: 16, inCols: 40, sourceCols: 132, band: { first: 6, count: 22 } },
  { name: 'behind other weights', bits: 16, inCols: 24, sourceCols: 70, band: { first: 20, count: 4 }, matrixAt: 96 },
  { name: 'f32', bits: 32, inCols: 24, sourceCols: 65, band: { first: 5, count: 9 }, matrixAt: 8 },
  {
    name: 'a run of columns, as a shard takes it, under other rows',
    bits: 16,
    inCols: 24,
    sourceCols: 200,
    out: { first: 33, count: 71 },
    band: { first: 2, count: 10 },
    row: 3,
    matrixAt: 4,
  },
  {
    name: 'bytes',
    bits: 8,
    inCols: 36,
    sourceCols: 152,
    out: { first: 1, count: 130 },
    band: { first: 8, count: 24 },
    row: 2,
  },
  {
    name: 'AWQ',
    bits: 4,
    inCols: 48,
    sourceCols: 144,
    out: { first: 13, count: 121 },
    band: { first: 8, count: 32 },
    row: 5,
    matrixAt: 12,
  },
  { name: 'AWQ, a whole matrix', bits: 4, inCols: 64, sourceCols: 64, band: { first: 0, count: 64 } },
  {
    name: 'GPTQ words',
    bits: 32,
    inCols: 640,
    sourceCols: 512,
    out: { first: 128, count: 256 },
    band: { first: 64, count: 32 },
  },
  { name: 'Scout gate_up_proj, a band', bits: 16, inCols: 5120, sourceCols: 1024, band: { first: 128, count: 64 } },
];
