/**
 * Floats as they lie in GPU buffers, and what they mean. Decoding is written out here, apart from `quant`, so that a
 * slip in either shows. Other weights: stored-int4.ts, stored-packed.ts.
 */
import type { FloatDtype } from '../kernels/matrix.ts';
import { generate, type Matrix } from './numbers.ts';
import type { Random } from './random.ts';

/** A matrix as one buffer holds it, and what it means. */
export interface StoredMatrix {
  readonly blob: Uint32Array;
  readonly matrix: Matrix;
}

/** Shape of a matrix whose buffer is to be made. */
export interface StoredShape {
  readonly rows: number;
  readonly cols: number;
  /** The rows are gate, then up. */
  readonly paired: boolean;
  /** What the weights' deviation is to be, about. */
  readonly deviation: number;
}

/** Fills a [rows, cols] matrix with f64. */
export function matrixOf(rows: number, cols: number, valueAt: (row: number, col: number) => number): Matrix {
  const values = new Float64Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) values[row * cols + col] = valueAt(row, col);
  }
  return { rows, cols, values };
}

/** Little-endian floats of 16 bits (two a word, lower index in the lower half) or 32, by index. */
export function decodeFloat(words: Uint32Array, index: number, type: FloatDtype): number {
  if (type === 'F32') return float32(words[index]!);
  const bits = (words[index >> 1]! >>> (16 * (index & 1))) & 0xffff;
  return type === 'BF16' ? float32(bits << 16) : float16(bits);
}

const view = new DataView(new ArrayBuffer(4));

function float32(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

/** What the last mantissa bit of an f16 means, by its exponent: subnormals share the least one's. */
const F16_UNITS = generate(31, (exponent) => 2 ** (Math.max(1, exponent) - 25));

function float16(bits: number): number {
  const sign = bits >>> 15 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * ((exponent === 0 ? 0 : 1024) + mantissa) * F16_UNITS[exponent]!;
}

/** Nearest-below bits of a float of moderate size: f16's subnormals become zero. For making random data. */
function truncatedBits(value: number, type: FloatDtype): number {
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  if (type === 'F32') return bits;
  if (type === 'BF16') return bits >>> 16;
  const exponent = ((bits >>> 23) & 255) - 112;
  return ((bits >>> 16) & 0x8000) | (exponent <= 0 ? 0 : (exponent << 10) | ((bits >>> 13) & 1023));
}

/** [count] floats as stored, each about `valueAt` its index. */
export function storeFloats(count: number, type: FloatDtype, valueAt: (index: number) => number): Uint32Array {
  const words = new Uint32Array(type === 'F32' ? count : Math.ceil(count / 2));
  for (let index = 0; index < count; index++) {
    const bits = truncatedBits(valueAt(index), type);
    if (type === 'F32') words[index] = bits;
    else words[index >> 1]! |= bits << (16 * (index & 1));
  }
  return words;
}

/** [count] random floats with the given deviation, as stored. */
export function randomFloats(random: Random, count: number, type: FloatDtype, deviation = 1): Uint32Array {
  return storeFloats(count, type, () => random.normal() * deviation);
}

/** Stored floats [rows, cols], starting at element `first`, as numbers. */
export function floatMatrix(words: Uint32Array, rows: number, cols: number, type: FloatDtype, first = 0): Matrix {
  const values = new Float32Array(rows * cols);
  for (let at = 0; at < values.length; at++) values[at] = decodeFloat(words, first + at, type);
  return { rows, cols, values };
}
