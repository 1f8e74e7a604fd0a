/** Made-up numbers as they lie in GPU buffers, and what they mean: written out here, apart from the kernels that read them. */
import type { BlobLayout, FloatDtype, Storage } from '../../kernels/matrix.ts';
import { NF4_CODE } from '../../quant/nf4-code.ts';

/** Random words, the same every time. */
export function wordSource(): () => number {
  let state = 1;
  return () => {
    state ^= state << 13; // xorshift32
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/**
 * A random word whose bytes are all +-0b01111xx: taken as floats of 32, 16 or 8 bits it is of moderate size, and
 * neither subnormal nor NaN.
 */
function floatWord(next: () => number): number {
  return (next() & 0x83838383) | 0x3c3c3c3c;
}

/** [count] floats in +-[1/128, 2) as stored, and what they mean. */
export function storedFloats(
  next: () => number,
  count: number,
  type: FloatDtype = 'F32',
): [Uint32Array<ArrayBuffer>, Float64Array] {
  const words = new Uint32Array((count * bitsOf(type)) / 32).map(() => floatWord(next));
  return [words, new Float64Array(count).map((_, index) => floatAt(words, 0, index, type))];
}

/** A matrix with every section of its blob, and the meaning of each weight. */
export function storedMatrix(
  next: () => number,
  storage: Storage,
  { scalesAt, zerosAt, orderAt, length }: BlobLayout,
  cols: number,
): [Uint32Array, (row: number, col: number) => number] {
  const { kind } = storage;
  const anyBits = kind !== 'float' && kind !== 'fp8';
  const group = (col: number) => Math.floor((cols - 1 - col) / ('groupSize' in storage ? storage.groupSize : cols));
  const ordered = kind === 'int4' && storage.ordered;
  const blob = new Uint32Array(length).map((_, at) =>
    ordered && at >= orderAt ? group((at - orderAt) % cols) : anyBits && at < scalesAt ? next() : floatWord(next),
  );
  const weightAt = (row: number, col: number): number => {
    const at = row * cols + col;
    if (kind === 'float') return floatAt(blob, 0, at, storage.element);
    if (kind === 'nf4') return NF4_CODE[bitsAt(blob, 0, at, 4)]! * floatAt(blob, scalesAt, at >> 6, 'F32');
    if (kind === 'nvfp4') {
      const scale = decode(bitsAt(blob, scalesAt, at >> 4, 8), 4, 3);
      return decode(bitsAt(blob, 0, at, 4), 2, 1) * scale * floatAt(blob, zerosAt, row, 'F32');
    }
    const groups = Math.ceil(cols / storage.groupSize);
    const own = ordered ? group(col) : Math.floor(col / storage.groupSize);
    const scale = floatAt(blob, scalesAt, row * groups + own, storage.scale);
    if (kind === 'fp8') return decode(bitsAt(blob, 0, at, 8), 4, 3) * scale;
    if (kind === 'affine')
      return bitsAt(blob, 0, at, storage.bits) * scale + floatAt(blob, zerosAt, row * groups + own, storage.scale);
    const zero = storage.asymmetric ? bitsAt(blob, zerosAt + (row >> 3) * groups + own, row & 7, 4) : 8;
    return (bitsAt(blob, 0, at, 4) - zero) * scale;
  };
  return [blob, weightAt];
}

function bitsOf(type: FloatDtype): 16 | 32 {
  return type === 'F32' ? 32 : 16;
}

/** The `index`th field of `bits` bits from word `at` on, lowest bits first. */
function bitsAt(words: Uint32Array, at: number, index: number, bits: number): number {
  const first = index * bits;
  return (words[at + (first >> 5)]! >>> (first & 31)) & (-1 >>> (32 - bits));
}

function floatAt(words: Uint32Array, at: number, index: number, type: FloatDtype): number {
  const bits = bitsAt(words, at, index, bitsOf(type));
  return type === 'F16' ? decode(bits, 5, 10) : decode(bits, 8, type === 'F32' ? 23 : 7);
}

const f32 = new Float32Array(1);
const f32Bits = new Uint32Array(f32.buffer);
/** By bits of exponent: what takes the bias of an f32's from it, in place of its own. */
const BIAS: Readonly<Record<number, number>> = { 2: 2 ** 126, 4: 2 ** 120, 5: 2 ** 112, 8: 1 };

/** Any IEEE-like float that is finite, subnormal or not, in the place of an f32's bits: a load decodes a million. */
function decode(bits: number, exponentBits: number, mantissaBits: number): number {
  const width = exponentBits + mantissaBits;
  f32Bits[0] = (bits & (-1 >>> (32 - width))) << (23 - mantissaBits);
  const magnitude = f32[0]! * BIAS[exponentBits]!;
  return (bits >>> width) & 1 ? -magnitude : magnitude;
}
