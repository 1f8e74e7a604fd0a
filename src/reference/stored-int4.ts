/** Int4 matrices as one buffer holds them, random, and what they mean. */

import { blobLayout } from '../kernels/blob-layout.ts';
import type { Storage } from '../kernels/matrix.ts';
import type { Random } from './random.ts';
import { decodeFloat, matrixOf, randomFloats, type StoredMatrix, type StoredShape } from './stored.ts';

type Int4 = Extract<Storage, { kind: 'int4' }>;

/** w = (nibble - zero point) * scale; nibbles low first along columns, zeros along rows. */
export function randomInt4(random: Random, storage: Int4, shape: StoredShape): StoredMatrix {
  const { rows, cols, paired, deviation } = shape;
  const { groupSize, scale, asymmetric, ordered } = storage;
  const { scalesAt, zerosAt, orderAt, length } = blobLayout(storage, rows, cols, paired);
  const groups = cols / groupSize;
  const blob = new Uint32Array(length);
  blob.set(random.words((rows * cols) / 8));
  blob.set(randomFloats(random, rows * groups, scale, deviation / 4.6), scalesAt); // a nibble's deviation is 4.6
  if (asymmetric) blob.set(random.words(Math.ceil(rows / 8) * groups), zerosAt);
  const tables = ordered ? (paired ? 2 : 1) : 0;
  for (let table = 0; table < tables; table++)
    blob.set(shuffledGroups(random, cols, groupSize), orderAt + table * cols);

  const scales = blob.subarray(scalesAt);
  const nibble = (word: number, place: number) => (blob[word]! >>> (4 * (place & 7))) & 15;
  const matrix = matrixOf(rows, cols, (row, col) => {
    const table = paired && row >= rows / 2 ? 1 : 0;
    const group = ordered ? blob[orderAt + table * cols + col]! : Math.floor(col / groupSize);
    const zero = asymmetric ? nibble(zerosAt + (row >> 3) * groups + group, row) : 8;
    return (nibble((row * cols + col) >> 3, col) - zero) * decodeFloat(scales, row * groups + group, scale);
  });
  return { blob, matrix };
}

/** The group of each column where `groupSize` columns of every group stand anywhere. [cols] */
function shuffledGroups(random: Random, cols: number, groupSize: number): Uint32Array {
  const order = new Uint32Array(cols).map((_, col) => Math.floor(col / groupSize));
  for (let at = cols - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order;
}
