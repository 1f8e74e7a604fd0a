/** A random matrix in any of the ways that a GPU buffer can hold one: for the cases. */
import type { Storage } from '../kernels/matrix.ts';
import type { Random } from './random.ts';
import { floatMatrix, randomFloats, type StoredMatrix, type StoredShape } from './stored.ts';
import { randomInt4 } from './stored-int4.ts';
import { randomAffine, randomFp8, randomNf4, randomNvfp4 } from './stored-packed.ts';

/** Where the parts of the buffer begin: `blobLayout`. */
export function randomMatrix(random: Random, storage: Storage, shape: StoredShape): StoredMatrix {
  switch (storage.kind) {
    case 'float':
      return randomFloatMatrix(random, storage, shape);
    case 'int4':
      return randomInt4(random, storage, shape);
    case 'affine':
      return randomAffine(random, storage, shape);
    case 'fp8':
      return randomFp8(random, storage, shape);
    case 'nvfp4':
      return randomNvfp4(random, storage, shape);
    case 'nf4':
      return randomNf4(random, storage, shape);
  }
}

function randomFloatMatrix(
  random: Random,
  { element }: Extract<Storage, { kind: 'float' }>,
  { rows, cols, deviation }: StoredShape,
): StoredMatrix {
  const blob = randomFloats(random, rows * cols, element, deviation);
  return { blob, matrix: floatMatrix(blob, rows, cols, element) };
}
