import { f32ToBf16, narrowFromF32, widenToF32 } from '../quant/float.ts';
import { quantizeInt4 } from '../quant/int4.ts';
import { quantizeAffine } from '../quant/quantize-affine.ts';
import { type Random, seeded } from './random.ts';

/** A band of a float matrix on its way into a quantized blob. */
export interface QuantizeCase {
  readonly name: string;
  readonly bits: 4 | 8;
  readonly from: 'BF16' | 'F16' | 'F32';
  readonly groupSize: number;
  /** The source is [cols, rows]. */
  readonly transposed: boolean;
  readonly rows: number;
  readonly cols: number;
  /** The source's rows that arrive. Default all. */
  readonly band?: { readonly first: number; readonly count: number };
  /** The matrix' rows that this blob takes. Default all. */
  readonly out?: { readonly first: number; readonly count: number };
  /** Rows of the blob before them. Default 0. */
  readonly row?: number;
  /** Words before the blob. Default 0. */
  readonly matrixAt?: number;
  /** Groups of zeros, of one value, of ties, far from zero, and so on, in turn; else normal. */
  readonly edges?: true;
}

/** Words of the source's band, of the buffer before and after, and where the blob's sections begin in it, in words. */
export interface QuantizeData {
  readonly band: Uint32Array;
  readonly matrix: Uint32Array;
  readonly expected: Uint32Array;
  readonly scalesAt: number;
  readonly zerosAt: number;
}

/** Makes a case's buffers, seeded by its name; what is not written keeps its random bits. */
export function quantizeData(testCase: QuantizeCase): QuantizeData {
  const { name, bits, from, groupSize, transposed, rows, cols, row = 0, matrixAt = 0 } = testCase;
  const random = seeded(name);
  const weights = widenToF32(narrowFromF32(randomWeights(random, testCase), from), from);
  const out = testCase.out ?? { first: 0, count: rows };
  const band = testCase.band ?? { first: 0, count: transposed ? cols : rows };
  const groups = cols / groupSize;
  const blobRows = row + out.count + 1;
  const scalesAt = matrixAt + (blobRows * cols * bits) / 32;
  const zerosAt = scalesAt + Math.ceil((blobRows * groups) / 2);
  const matrix = random.words(zerosAt + (bits === 8 ? Math.ceil((blobRows * groups) / 2) : 0));
  const expected = matrix.slice();
  const { packed, scales, biases } = quantize(weights, testCase);
  const groupWords = (groupSize * bits) / 32;
  for (let o = out.first; o < out.first + out.count; o++) {
    for (let group = 0; group < groups; group++) {
      const [at, width] = transposed ? [group * groupSize, groupSize] : [o, 1];
      if (at < band.first || at + width > band.first + band.count) continue;
      const source = o * groups + group;
      const target = (row + o - out.first) * groups + group;
      const words = packed.subarray(source * groupWords, (source + 1) * groupWords);
      expected.set(words, matrixAt + target * groupWords);
      setHalf(expected, scalesAt, target, f32ToBf16(scales[source]!));
      if (biases) setHalf(expected, zerosAt, target, f32ToBf16(biases[source]!));
    }
  }
  const stored = transposed ? transposedValues(weights, rows, cols) : weights;
  const width = transposed ? rows : cols;
  const bytes = narrowFromF32(stored.subarray(band.first * width, (band.first + band.count) * width), from);
  return { band: wordsOf(bytes), matrix, expected, scalesAt, zerosAt };
}

function quantize(weights: Float32Array, { bits, groupSize, rows, cols }: QuantizeCase) {
  if (bits === 8) return quantizeAffine(weights, { rows, cols, groupSize });
  return {
    ...quantizeInt4(weights, { rows, cols, groupSize, symmetric: true, scaleDtype: 'BF16' }),
    biases: undefined,
  };
}

/** One group after the other, so [rows, cols]. */
function randomWeights(random: Random, { rows, cols, groupSize, edges, from }: QuantizeCase): Float32Array {
  const weights = random.normals(rows * cols, 0.03);
  if (!edges) return weights;
  for (let at = 0, kind = 0; at < weights.length; at += groupSize, kind++) {
    weights.subarray(at, at + groupSize).set(edgeGroup(random, kind, groupSize, from === 'F16' ? 8 : 80));
  }
  return weights;
}

/** @param exponent how far from 1 magnitudes may be */
function edgeGroup(random: Random, kind: number, groupSize: number, exponent: number): Float32Array {
  const { normal, below } = random;
  const factor = 2 ** (below(2 * exponent) - exponent);
  const makers: readonly ((i: number) => number)[] = [
    () => 0,
    () => 0.7 * factor,
    (i) => ((i === 0 ? 15 : below(31) - 15) / 2) * factor, // int4: scale `factor`, half of the weights are ties
    (i) => ((i < 2 ? 510 * i : below(511)) / 2) * factor, // int8: likewise
    () => 1 + 0.001 * normal(),
    () => -Math.abs(normal()) * factor,
    () => 3 + Math.abs(normal()),
    (i) => (i === 5 ? factor : 0),
    (i) => normal() * 2 ** -(i % 12),
    (i) => (i % 2 ? -0 : -factor),
    (i) => (i % 4 ? 1.7 : -0.7) * 2 ** -100, // int8: what counts as zero, below a bias of zero
  ];
  return new Float32Array(groupSize).map((_, i) => makers[kind % makers.length]!(i));
}

function transposedValues(values: Float32Array, rows: number, cols: number): Float32Array {
  return values.map((_, at) => values[(at % rows) * cols + Math.floor(at / rows)]!);
}

function setHalf(words: Uint32Array, from: number, index: number, bits: number): void {
  const shift = 16 * (index & 1);
  const at = from + (index >> 1);
  words[at] = (words[at]! & ~(0xffff << shift)) | (bits << shift);
}

/** Little-endian words; the last is filled with zeros. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

const transposed = true;

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly QuantizeCase[] = [
  { name: 'int4, whole rows', bits: 4, from: 'BF16', groupSize: 32, transposed: false, rows: 3, cols: 96 },
  { name: 'int8, whole rows', bits: 8, from: 'BF16', groupSize: 32, transposed: false, rows: 3, cols: 96 },
  { name: 'int4, [in, out]', bits: 4, from: 'BF16', groupSize: 32, transposed, rows: 70, cols: 96 },
  { name: 'int8, [in, out]', bits: 8, from: 'BF16', groupSize: 64, transposed, rows: 70, cols: 192 },
  {
    name: 'int4, a band of rows that a shard takes in part',
    bits: 4,
    from: 'BF16',
    groupSize: 128,
    transposed: false,
    rows: 200,
    cols: 384,
    band: { first: 20, count: 100 },
    out: { first: 33, count: 140 },
    row: 5,
    matrixAt: 12,
  },
  {
    name: 'int8, a band of rows after its shard began',
    bits: 8,
    from: 'BF16',
    groupSize: 32,
    transposed: false,
    rows: 90,
    cols: 160,
    band: { first: 40, count: 50 },
    out: { first: 3, count: 80 },
    row: 1,
  },
  {
    name: 'int4, a band of [in, out], a run of columns',
    bits: 4,
    from: 'BF16',
    groupSize: 64,
    transposed,
    rows: 300,
    cols: 320,
    band: { first: 64, count: 192 },
    out: { first: 65, count: 131 },
    row: 2,
    matrixAt: 8,
  },
  {
    name: 'int8, a band of [in, out]',
    bits: 8,
    from: 'F16',
    groupSize: 32,
    transposed,
    rows: 130,
    cols: 160,
    band: { first: 96, count: 64 },
  },
  {
    name: 'int4, edges in bf16',
    bits: 4,
    from: 'BF16',
    groupSize: 32,
    transposed: false,
    rows: 40,
    cols: 160,
    edges: true,
  },
  { name: 'int8, edges in bf16', bits: 8, from: 'BF16', groupSize: 64, transposed, rows: 40, cols: 320, edges: true },
  { name: 'int4, edges in f16', bits: 4, from: 'F16', groupSize: 32, transposed, rows: 40, cols: 96, edges: true },
  {
    name: 'int8, edges in f16',
    bits: 8,
    from: 'F16',
    groupSize: 32,
    transposed: false,
    rows: 40,
    cols: 96,
    edges: true,
  },
  {
    name: 'int4, edges in f32',
    bits: 4,
    from: 'F32',
    groupSize: 64,
    transposed: false,
    rows: 64,
    cols: 192,
    edges: true,
  },
  {
    name: 'int8, edges in f32',
    bits: 8,
    from: 'F32',
    groupSize: 128,
    transposed: false,
    rows: 64,
    cols: 384,
    edges: true,
  },
  {
    name: 'Scout gate_up_proj to int4, a band',
    bits: 4,
    from: 'BF16',
    groupSize: 128,
    transposed,
    rows: 1024,
    cols: 5120,
    band: { first: 256, count: 256 },
  },
  {
    name: 'Scout q_proj to int8, a band',
    bits: 8,
    from: 'BF16',
    groupSize: 128,
    transposed: false,
    rows: 128,
    cols: 5120,
    band: { first: 32, count: 64 },
  },
];
