/**
 * Weights as they lie in GPU buffers, and what they mean. Decoding is written out here, apart from `quant`, so that a
 * slip in either shows.
 */
import type { Matrix } from './numbers.ts';
import type { Random } from './random.ts';

/** In the order of the shaders' ELEMENT and SCALE overrides. */
export const floatTypes = ['bf16', 'f16', 'f32'] as const;
export type FloatType = (typeof floatTypes)[number];

/** Little-endian floats of 16 bits (two a word, lower index in the lower half) or 32, by index. */
export function decodeFloat(words: Uint32Array, index: number, type: FloatType): number {
  if (type === 'f32') return float32(words[index]!);
  const bits = (words[index >> 1]! >>> (16 * (index & 1))) & 0xffff;
  return type === 'bf16' ? float32(bits << 16) : float16(bits);
}

const view = new DataView(new ArrayBuffer(4));

function float32(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

function float16(bits: number): number {
  const sign = bits >>> 15 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** Nearest-below bits of a float of moderate size: f16's subnormals become zero. For making random data. */
function truncatedBits(value: number, type: FloatType): number {
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  if (type === 'f32') return bits;
  if (type === 'bf16') return bits >>> 16;
  const exponent = ((bits >>> 23) & 255) - 112;
  return ((bits >>> 16) & 0x8000) | (exponent <= 0 ? 0 : (exponent << 10) | ((bits >>> 13) & 1023));
}

/** [count] random floats with the given deviation, as stored. */
export function randomFloats(random: Random, count: number, type: FloatType, deviation = 1): Uint32Array {
  const words = new Uint32Array(type === 'f32' ? count : Math.ceil(count / 2));
  for (let index = 0; index < count; index++) {
    const bits = truncatedBits(random.normal() * deviation, type);
    if (type === 'f32') words[index] = bits;
    else words[index >> 1]! |= bits << (16 * (index & 1));
  }
  return words;
}

/** Stored floats [rows, cols], starting at element `first`, as numbers. */
export function floatMatrix(words: Uint32Array, rows: number, cols: number, type: FloatType, first = 0): Matrix {
  const values = new Float32Array(rows * cols);
  for (let at = 0; at < values.length; at++) values[at] = decodeFloat(words, first + at, type);
  return { rows, cols, values };
}

/** How an int4 matrix [rows, cols] is packed. */
export interface Int4Format {
  /** Columns that share a scale. */
  readonly groupSize: number;
  readonly scale: FloatType;
  /** Stored zero points; 8 for all without. */
  readonly asymmetric: boolean;
}

/** Where the parts of an int4 blob begin, and its end, in words. */
export interface Int4Layout {
  readonly scalesAt: number;
  readonly zerosAt: number;
  readonly end: number;
}

/** Words, then scales, then zero points, each starting at a multiple of `alignment` words. */
export function int4Layout(rows: number, cols: number, format: Int4Format, alignment = 4): Int4Layout {
  const align = (words: number) => Math.ceil(words / alignment) * alignment;
  const groups = cols / format.groupSize;
  const scaleWords = format.scale === 'f32' ? rows * groups : Math.ceil((rows * groups) / 2);
  const scalesAt = align((rows * cols) / 8);
  const zerosAt = align(scalesAt + scaleWords);
  return { scalesAt, zerosAt, end: align(zerosAt + (format.asymmetric ? Math.ceil(rows / 8) * groups : 0)) };
}

/** A random int4 blob whose weights have a deviation of about `deviation`. */
export function randomInt4(random: Random, rows: number, cols: number, format: Int4Format, deviation = 1): Uint32Array {
  const { scalesAt, zerosAt, end } = int4Layout(rows, cols, format);
  const groups = cols / format.groupSize;
  const blob = random.words(end);
  blob.fill(0, scalesAt);
  blob.set(randomFloats(random, rows * groups, format.scale, deviation / 4.6), scalesAt); // a nibble's deviation is 4.6
  if (format.asymmetric) blob.set(random.words(Math.ceil(rows / 8) * groups), zerosAt);
  return blob;
}

/** What an int4 blob means: w = (nibble - zero point) * scale; nibbles low first along columns, zeros along rows. */
export function int4Matrix(
  blob: Uint32Array,
  rows: number,
  cols: number,
  { groupSize, scale, asymmetric }: Int4Format,
  { scalesAt, zerosAt }: Pick<Int4Layout, 'scalesAt' | 'zerosAt'>,
): Matrix {
  const groups = cols / groupSize;
  const scales = blob.subarray(scalesAt);
  const nibble = (word: number, place: number) => (blob[word]! >>> (4 * (place & 7))) & 15;
  // With a 16-bit scale the product has at most 16 significant bits: f32 holds it exactly.
  const values = scale === 'f32' ? new Float64Array(rows * cols) : new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const factor = decodeFloat(scales, row * groups + group, scale);
      const zero = asymmetric ? nibble(zerosAt + (row >> 3) * groups + group, row) : 8;
      for (let at = row * cols + group * groupSize, end = at + groupSize; at < end; at++) {
        values[at] = (nibble(at >> 3, at) - zero) * factor;
      }
    }
  }
  return { rows, cols, values };
}
