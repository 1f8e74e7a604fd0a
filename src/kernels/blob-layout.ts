/** How large the sections of a matrix's blob are: for whoever lays weights out; kernels are told where sections begin. */
import type { BlobLayout, FloatDtype, Storage } from './matrix.ts';

export function bytesOf(dtype: FloatDtype): 2 | 4 {
  return dtype === 'F32' ? 4 : 2;
}

/** @param paired gate and up, which have an order of columns each */
export function blobLayout(storage: Storage, rows: number, cols: number, paired = false): BlobLayout {
  const [weights, scales, zeros, order] = sections(storage, rows, cols, paired);
  const scalesAt = Math.ceil(weights / 4);
  const zerosAt = scalesAt + Math.ceil(scales / 4);
  const orderAt = zerosAt + Math.ceil(zeros / 4);
  return { scalesAt, zerosAt, orderAt, length: align4(orderAt + order / 4) };
}

/** Bytes of weights, scales, zero points (or what stands in their place), and the order of the columns. */
function sections(storage: Storage, rows: number, cols: number, paired: boolean): [number, number, number, number] {
  const weights = rows * cols;
  if (storage.kind === 'float') return [weights * bytesOf(storage.element), 0, 0, 0];
  if (storage.kind === 'nvfp4') return [weights / 2, weights / 16, rows * 4, 0];
  if (storage.kind === 'nf4') return [weights / 2, weights / 16, 0, 0];
  const groups = Math.ceil(cols / storage.groupSize);
  const scales = rows * groups * bytesOf(storage.scale);
  if (storage.kind === 'fp8') return [weights, scales, 0, 0];
  if (storage.kind === 'affine') return [(weights * storage.bits) / 8, scales, scales, 0];
  const zeros = storage.asymmetric ? Math.ceil(rows / 8) * groups * 4 : 0;
  return [weights / 2, scales, zeros, storage.ordered ? cols * 4 * (paired ? 2 : 1) : 0];
}

function align4(words: number): number {
  return Math.ceil(words / 4) * 4;
}
