/**
 * int4 as compressed-tensors `pack-quantized` stores it.
 *
 *   packed     [rows, cols / 8]              u32; nibble j of word c is column 8 c + j, lowest first, stored + 8
 *   scales     [rows, cols / groupSize]      one per group of a row
 *   zeroPoints [ceil(rows / 8), groups]      u32; nibble j of word r is row 8 r + j, stored + 8; asymmetric only
 *
 *   w = (q - zero) * scale with q, zero in -8..7, in f32
 */
import { type FloatFormat, narrowFromF32, roundHalfEven, widenToF32 } from './float.ts';

export interface Int4Dims {
  readonly rows: number;
  /** A multiple of `groupSize`. */
  readonly cols: number;
  /** A multiple of 8. */
  readonly groupSize: number;
}

export interface Int4Weights {
  readonly packed: Uint32Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
  /** Undefined: all zero. */
  readonly zeroPoints: Uint32Array<ArrayBuffer> | undefined;
  /** [cols]: the group of each column, in activation order; else column / groupSize. */
  readonly groupIndex?: Uint32Array | undefined;
}

/** Integers -8..7 [rows, cols] -> words [rows, cols / 8]. */
export function packInt4(values: Int8Array): Uint32Array<ArrayBuffer> {
  if (values.length % 8 !== 0) throw new RangeError(`${values.length} values do not fill words of 8`);
  const words = new Uint32Array(values.length / 8);
  for (let i = 0; i < values.length; i++) words[i >> 3]! |= (values[i]! + 8) << (4 * (i & 7));
  return words;
}

/** The inverse of `packInt4`. */
export function unpackInt4(words: Uint32Array): Int8Array<ArrayBuffer> {
  const values = new Int8Array(words.length * 8);
  for (let i = 0; i < values.length; i++) values[i] = ((words[i >> 3]! >>> (4 * (i & 7))) & 15) - 8;
  return values;
}

/** Integers -8..7 [rows, groups] -> words [ceil(rows / 8), groups], packed down the rows; the rest of the last is 0. */
export function packZeroPoints(values: Int8Array, rows: number): Uint32Array<ArrayBuffer> {
  const groups = values.length / rows;
  const words = new Uint32Array(Math.ceil(rows / 8) * groups);
  for (let i = 0; i < values.length; i++) {
    const row = Math.floor(i / groups);
    words[(row >> 3) * groups + (i % groups)]! |= (values[i]! + 8) << (4 * (row & 7));
  }
  return words;
}

/** The inverse of `packZeroPoints`. */
export function unpackZeroPoints(words: Uint32Array, rows: number): Int8Array<ArrayBuffer> {
  const groups = words.length / Math.ceil(rows / 8);
  return Int8Array.from({ length: rows * groups }, (_, i) => {
    const row = Math.floor(i / groups);
    return ((words[(row >> 3) * groups + (i % groups)]! >>> (4 * (row & 7))) & 15) - 8;
  });
}

/** f32 weights [rows, cols]. */
export function dequantizeInt4(
  { packed, scales, zeroPoints, groupIndex }: Int4Weights,
  { rows, cols, groupSize }: Int4Dims,
): Float32Array<ArrayBuffer> {
  const values = unpackInt4(packed);
  const zeros = zeroPoints && unpackZeroPoints(zeroPoints, rows);
  const weights = new Float32Array(rows * cols);
  const groups = cols / groupSize;
  for (let i = 0; i < weights.length; i++) {
    const col = i % cols;
    const group = Math.floor(i / cols) * groups + (groupIndex ? groupIndex[col]! : Math.floor(col / groupSize));
    weights[i] = (values[i]! - (zeros ? zeros[group]! : 0)) * scales[group]!;
  }
  return weights;
}

export interface QuantizeOptions extends Int4Dims {
  readonly symmetric: boolean;
  /** The scales are rounded to this before they are used; the model's own dtype in compressed-tensors. */
  readonly scaleDtype: FloatFormat;
}

/** float32's epsilon: what compressed-tensors takes as the scale of an all-zero group. */
const EPSILON = 2 ** -23;

/**
 * Round to nearest, with compressed-tensors' arithmetic (f32 throughout, scale = absmax / 7.5, ties to even), so that
 * the result equals the library's bit for bit. The weights must be finite.
 * @param weights [rows, cols]
 */
export function quantizeInt4(weights: Float32Array, options: QuantizeOptions): Int4Weights {
  const { rows, cols, groupSize, symmetric, scaleDtype } = options;
  if (weights.length !== rows * cols || cols % groupSize !== 0 || groupSize % 8 !== 0) {
    throw new RangeError(`${weights.length} weights are not [${rows}, ${cols}] in groups of ${groupSize}`);
  }
  const groups = weights.length / groupSize;
  const exactScales = new Float32Array(groups);
  const zeros = new Int8Array(groups);
  for (let group = 0; group < groups; group++) {
    const at = group * groupSize;
    const { scale, zero } = groupParameters(weights, at, at + groupSize, symmetric);
    exactScales[group] = scale;
    zeros[group] = zero;
  }
  const scales = widenToF32(narrowFromF32(exactScales, scaleDtype), scaleDtype);
  const packed = new Uint32Array(weights.length / 8);
  const wordsPerGroup = groupSize / 8;
  for (let word = 0; word < packed.length; word++) {
    const group = Math.floor(word / wordsPerGroup);
    packed[word] = quantizeWord(weights, word * 8, scales[group]!, zeros[group]!);
  }
  return { packed, scales, zeroPoints: symmetric ? undefined : packZeroPoints(zeros, rows) };
}

/** Eight weights -> one word. This is where a conversion spends its time. */
function quantizeWord(weights: Float32Array, at: number, scale: number, zero: number): number {
  let word = 0;
  for (let i = 0; i < 8; i++) {
    const scaled = Math.fround(Math.fround(weights[at + i]! / scale) + zero);
    word |= (roundHalfEven(Math.min(7, Math.max(-8, scaled))) + 8) << (4 * i);
  }
  return word;
}

/** Zero is always representable: the range is widened to hold it. */
function groupParameters(weights: Float32Array, start: number, end: number, symmetric: boolean) {
  let min = 0;
  let max = 0;
  for (let i = start; i < end; i++) {
    const weight = weights[i]!;
    if (weight < min) min = weight;
    if (weight > max) max = weight;
  }
  const scale = symmetric ? Math.fround(Math.max(-min, max) / 7.5) : Math.fround(Math.fround(max - min) / 15);
  if (scale === 0) return { scale: EPSILON, zero: 0 };
  if (symmetric) return { scale, zero: 0 };
  const zero = Math.fround(-8 - Math.fround(min / scale));
  return { scale, zero: roundHalfEven(Math.min(7, Math.max(-8, zero))) };
}
