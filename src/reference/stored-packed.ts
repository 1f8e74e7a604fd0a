/** MLX affine, FP8, NVFP4 and NF4 matrices as one buffer holds them, random, and what they mean. */

import { blobLayout } from '../kernels/blob-layout.ts';
import type { Storage } from '../kernels/matrix.ts';
import { generate } from './numbers.ts';
import type { Random } from './random.ts';
import { decodeFloat, matrixOf, randomFloats, type StoredMatrix, type StoredShape, storeFloats } from './stored.ts';

type Of<K extends Storage['kind']> = Extract<Storage, { kind: K }>;

/** w = q * scale + bias; q's lowest bits are the lowest column. Scales of both signs; biases as MLX chooses them, about. */
export function randomAffine(random: Random, storage: Of<'affine'>, shape: StoredShape): StoredMatrix {
  const { rows, cols, deviation } = shape;
  const { bits, groupSize, scale: dtype } = storage;
  const { scalesAt, zerosAt, length } = blobLayout(storage, rows, cols);
  const groups = Math.ceil(cols / groupSize);
  const middle = (2 ** bits - 1) / 2;
  const blob = new Uint32Array(length);
  blob.set(random.words((rows * cols * bits) / 32));
  const scales = randomFloats(random, rows * groups, dtype, (deviation / middle) * Math.sqrt(3)); // of uniform q
  const biases = storeFloats(
    rows * groups,
    dtype,
    (index) => -middle * decodeFloat(scales, index, dtype) * (1 + 0.2 * random.normal()),
  );
  blob.set(scales, scalesAt);
  blob.set(biases, zerosAt);
  const perWord = 32 / bits;
  const mask = 2 ** bits - 1;
  const matrix = matrixOf(rows, cols, (row, col) => {
    const at = row * cols + col;
    const q = (blob[Math.floor(at / perWord)]! >>> (bits * (at % perWord))) & mask;
    const group = row * groups + Math.floor(col / groupSize);
    return q * decodeFloat(scales, group, dtype) + decodeFloat(biases, group, dtype);
  });
  return { blob, matrix };
}

/** w = e4m3 * scale. The first 256 weights are every code but NaN, which becomes 0, in order. */
export function randomFp8(random: Random, storage: Of<'fp8'>, shape: StoredShape): StoredMatrix {
  const { rows, cols, deviation } = shape;
  const { groupSize, scale: dtype } = storage;
  const { scalesAt, length } = blobLayout(storage, rows, cols);
  const groups = Math.ceil(cols / groupSize);
  const blob = new Uint32Array(length);
  const bytes = new Uint8Array(blob.buffer, 0, rows * cols);
  bytes.set(new Uint8Array(random.words(Math.ceil(bytes.length / 4)).buffer, 0, bytes.length));
  for (let at = 0; at < bytes.length; at++) {
    if (at < 256) bytes[at] = at;
    if ((bytes[at]! & 127) === 127) bytes[at] = 0;
  }
  const scales = randomFloats(random, rows * groups, dtype, deviation / 97); // the deviation of random codes
  blob.set(scales, scalesAt);
  const matrix = matrixOf(rows, cols, (row, col) => {
    return E4M3[bytes[row * cols + col]!]! * decodeFloat(scales, row * groups + Math.floor(col / groupSize), dtype);
  });
  return { blob, matrix };
}

/** w = e2m1 * e4m3 scale * factor of the row. A ninth of the scales is subnormal or zero. */
export function randomNvfp4(random: Random, storage: Of<'nvfp4'>, shape: StoredShape): StoredMatrix {
  const { rows, cols, deviation } = shape;
  const { scalesAt, zerosAt, length } = blobLayout(storage, rows, cols);
  const blob = new Uint32Array(length);
  blob.set(random.words((rows * cols) / 8));
  const scales = new Uint8Array(blob.buffer, scalesAt * 4, (rows * cols) / 16);
  for (let at = 0; at < scales.length; at++) scales[at] = random.below(65); // up to 2
  const factors = storeFloats(rows, 'F32', () => (deviation / 1.7) * (0.5 + random.uniform()));
  blob.set(factors, zerosAt);
  const matrix = matrixOf(rows, cols, (row, col) => {
    const at = row * cols + col;
    return E2M1[nibbleOf(blob, at)]! * E4M3[scales[at >> 4]!]! * decodeFloat(factors, row, 'F32');
  });
  return { blob, matrix };
}

/** w = NF4's code of the nibble * absmax of the block: 64 weights along the flattened matrix. */
export function randomNf4(random: Random, storage: Of<'nf4'>, shape: StoredShape): StoredMatrix {
  const { rows, cols, deviation } = shape;
  const { scalesAt, length } = blobLayout(storage, rows, cols);
  const blob = new Uint32Array(length);
  blob.set(random.words((rows * cols) / 8));
  const blocks = Math.ceil((rows * cols) / 64);
  const absmax = storeFloats(blocks, 'F32', () => (deviation / 0.55) * (0.5 + random.uniform()));
  blob.set(absmax, scalesAt);
  const matrix = matrixOf(rows, cols, (row, col) => {
    const at = row * cols + col;
    return NF4[nibbleOf(blob, at)]! * decodeFloat(absmax, at >> 6, 'F32');
  });
  return { blob, matrix };
}

/** Eight a word, lowest bits first. */
function nibbleOf(words: Uint32Array, index: number): number {
  return (words[index >> 3]! >>> (4 * (index & 7))) & 15;
}

/** By code: 1 sign, 4 exponent (bias 7) and 3 mantissa bits; subnormal where the exponent is 0. */
const E4M3 = generate(256, (byte) => {
  const exponent = (byte >> 3) & 15;
  const mantissa = byte & 7;
  const magnitude = exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10);
  return byte < 128 ? magnitude : -magnitude;
});

/** By code: 1 sign, 2 exponent and 1 mantissa bits. */
const E2M1: readonly number[] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** What bitsandbytes stores as `quant_map`. f32. */
const NF4: readonly number[] = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
];
