/** Made-up weights and numbers as they lie in GPU buffers, and what they mean: plain loops, apart from the kernels. */
import type { BlobLayout, FloatDtype, Storage } from '../../kernels/matrix.ts';
import { NF4_CODE } from '../../quant/nf4.ts';

/** [exponent bits, mantissa bits] */
type Minifloat = readonly [number, number];

const FLOATS: Readonly<Record<FloatDtype, Minifloat>> = { F32: [8, 23], BF16: [8, 7], F16: [5, 10] };
const E4M3: Minifloat = [4, 3];
const E2M1: Minifloat = [2, 1];

/** Bits of a random word that keep their place (sign and mantissa), and an exponent: floats of moderate size. */
const FLOAT_WORDS: Readonly<Record<FloatDtype, readonly [number, number]>> = {
  F32: [0x807fffff, 0x3e000000], // +-[1/8, 1/4)
  BF16: [0x807f807f, 0x3d003d00], // +-[1/32, 1/16)
  F16: [0x83ff83ff, 0x28002800], // +-[1/32, 1/16)
};

/** Random words, the same every time. */
export function wordSource(seed = 1): () => number {
  let state = seed;
  return () => {
    state ^= state << 13; // xorshift32
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** [count] floats as stored, and what they mean. */
export function storedFloats(next: () => number, count: number, type: FloatDtype): [Uint32Array, Float64Array] {
  const words = new Uint32Array(Math.ceil(count / (type === 'F32' ? 1 : 2))).map(floatWords(next, type));
  return [words, new Float64Array(count).map((_, index) => floatAt(words, 0, index, type))];
}

/** A [rows, cols] matrix with every section of its blob, and the meaning of each weight. */
export function storedMatrix(
  next: () => number,
  storage: Storage,
  { scalesAt, zerosAt, orderAt, length }: BlobLayout,
  cols: number,
): [Uint32Array, (row: number, col: number) => number] {
  const blob = new Uint32Array(length).map(next);
  const fill = (from: number, to: number, word: (old: number, at: number) => number) => {
    for (let at = from; at < to; at++) blob[at] = word(blob[at]!, at - from);
  };
  const floats = (from: number, to: number, type: FloatDtype) => fill(from, to, floatWords(next, type));
  if (storage.kind === 'float') floats(0, length, storage.element);
  else if (storage.kind === 'nvfp4') {
    fill(scalesAt, zerosAt, (word) => (word & 0x07070707) | 0x10101010);
    floats(zerosAt, length, 'F32');
  } else if (storage.kind === 'nf4') floats(scalesAt, length, 'F32');
  else {
    if (storage.kind === 'fp8') fill(0, scalesAt, (word) => word & 0xbfbfbfbf); // no NaN
    floats(scalesAt, zerosAt, storage.scale);
    if (storage.kind === 'affine') floats(zerosAt, orderAt, storage.scale);
    if (storage.kind === 'int4' && storage.ordered)
      fill(orderAt, length, (_, at) => Math.floor((cols - 1 - (at % cols)) / storage.groupSize));
  }
  const ordered = storage.kind === 'int4' && storage.ordered;
  return [
    blob,
    (row, col) => {
      const at = row * cols + col;
      if (storage.kind === 'float') return floatAt(blob, 0, at, storage.element);
      if (storage.kind === 'nf4') return NF4_CODE[bitsAt(blob, 0, at, 4)]! * floatAt(blob, scalesAt, at >> 6, 'F32');
      if (storage.kind === 'nvfp4') {
        const scale = minifloat(bitsAt(blob, scalesAt, at >> 4, 8), E4M3);
        return minifloat(bitsAt(blob, 0, at, 4), E2M1) * scale * floatAt(blob, zerosAt, row, 'F32');
      }
      const groups = Math.ceil(cols / storage.groupSize);
      const group = Math.floor((ordered ? cols - 1 - col : col) / storage.groupSize);
      const place = row * groups + group;
      const scale = floatAt(blob, scalesAt, place, storage.scale);
      if (storage.kind === 'fp8') return minifloat(bitsAt(blob, 0, at, 8), E4M3) * scale;
      if (storage.kind === 'affine')
        return bitsAt(blob, 0, at, storage.bits) * scale + floatAt(blob, zerosAt, place, storage.scale);
      const zero = storage.asymmetric ? bitsAt(blob, zerosAt + (row >> 3) * groups + group, row & 7, 4) : 8;
      return (bitsAt(blob, 0, at, 4) - zero) * scale;
    },
  ];
}

function floatWords(next: () => number, type: FloatDtype): () => number {
  const [kept, exponent] = FLOAT_WORDS[type];
  return () => (next() & kept) | exponent;
}

/** The `index`th field of `bits` bits from word `at` on, lowest bits first. */
function bitsAt(words: Uint32Array, at: number, index: number, bits: number): number {
  const first = index * bits;
  return (words[at + (first >> 5)]! >>> (first & 31)) & (bits === 32 ? -1 : 2 ** bits - 1);
}

function floatAt(words: Uint32Array, at: number, index: number, type: FloatDtype): number {
  return minifloat(bitsAt(words, at, index, type === 'F32' ? 32 : 16), FLOATS[type]);
}

/** Sign, exponent and mantissa of any IEEE-like float that is finite; subnormal where the exponent is 0. */
function minifloat(bits: number, [exponentBits, mantissaBits]: Minifloat): number {
  const one = 2 ** mantissaBits;
  const exponent = (bits >>> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = (bits & (one - 1)) + (exponent === 0 ? 0 : one);
  const magnitude = mantissa * 2 ** (Math.max(1, exponent) - 2 ** (exponentBits - 1) + 1 - mantissaBits);
  return (bits >>> (exponentBits + mantissaBits)) & 1 ? -magnitude : magnitude;
}
