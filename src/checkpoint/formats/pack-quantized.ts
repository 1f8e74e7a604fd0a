/** compressed-tensors pack-quantized: four-bit integers in groups. Layout: `Int4Matrix`. */
import type { Tensor } from '../tensor.ts';
import { type Found, GROUP_SIZES, type GroupSize, unsupported } from './facts.ts';
import { FLOATS, type Stored } from './tensor-index.ts';

export function readPackQuantized(stored: Stored, rows: number, cols: number): Found {
  const packedTensor = stored.require('weight_packed');
  const groupSize = groupSizeOf(stored.require('weight_scale'), 1, cols);
  refuseOtherBits(packedTensor, 1, cols);
  const packed = stored.tensor('weight_packed', ['I32'], [rows, cols / 8]);
  const scales = stored.tensor('weight_scale', FLOATS, [rows, cols / groupSize]);
  const zeroPoints = stored.has('weight_zero_point')
    ? stored.tensor('weight_zero_point', ['I32'], [Math.ceil(rows / 8), cols / groupSize])
    : undefined;
  const groupIndex = stored.has('weight_g_idx') ? stored.tensor('weight_g_idx', ['I32'], [cols]) : undefined;
  const packing = { packing: 'compressed-tensors', zeroOffset: 0, divisor: undefined } as const;
  const parts = { packed, scales, zeroPoints, groupIndex };
  const symmetric = zeroPoints === undefined;
  const ordered = groupIndex === undefined ? undefined : true;
  return {
    matrix: { kind: 'int4', rows, cols, groupSize, ...parts, ...packing },
    facts: { format: 'compressed-tensors int4', groupSize, symmetric, ordered },
  };
}

/** As the scales' shape says: cols / groups. */
export function groupSizeOf(scales: Tensor, axis: 0 | 1, cols: number): GroupSize {
  const groups = scales.shape[axis] ?? 0;
  const groupSize = GROUP_SIZES.find((size) => size * groups === cols);
  if (groupSize !== undefined) return groupSize;
  const found = `int4 with ${groups} scales for rows of ${cols} weights, which is no whole group of ${GROUP_SIZES.join(', ')}`;
  throw unsupported(found, { tensor: scales.name });
}

/** The same tensors with 2, 3 or 8 bits have another size where words hold eight nibbles. */
export function refuseOtherBits(packed: Tensor, axis: 0 | 1, weights: number): void {
  const bits = ((packed.shape[axis] ?? 0) * 32) / weights;
  if (bits === 2 || bits === 3 || bits === 8) throw unsupported(`integers of ${bits} bits`, { tensor: packed.name });
}
