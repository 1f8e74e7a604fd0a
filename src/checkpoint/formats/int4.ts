/** Four-bit integers in groups: compressed-tensors pack-quantized, GPTQ, AWQ. Layouts: `Int4Matrix`. */
import { OutriderError } from '../../errors.ts';
import type { Int4Matrix } from '../model-tensors.ts';
import type { Tensor } from '../tensor.ts';
import { type Found, GROUP_SIZES, type GroupSize, type QuantizationConfig, unsupported } from './facts.ts';
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

export function readGptq(stored: Stored, rows: number, cols: number, config: QuantizationConfig | undefined): Found {
  const { zeroOffset, ordered } = qweightOf(config, 'gptq');
  refuseOtherBits(stored.require('qweight'), 0, cols);
  const packed = stored.tensor('qweight', ['I32'], [cols / 8, rows]);
  const { groupSize, scales, zeroPoints } = transposedGroups(stored, rows, cols);
  const groupIndex = ordered || stored.has('g_idx') ? stored.tensor('g_idx', ['I32'], [cols]) : undefined;
  const matrix: Int4Matrix = {
    ...{ kind: 'int4', packing: 'gptq', rows, cols, groupSize, packed, scales, divisor: undefined },
    zeroPoints: zeroPoints(),
    zeroOffset,
    groupIndex: ordered ? groupIndex : undefined,
  };
  return { matrix, facts: { format: 'GPTQ int4', groupSize, ordered: ordered ? true : undefined } };
}

export function readAwq(stored: Stored, rows: number, cols: number, config: QuantizationConfig | undefined): Found {
  const { hasZeroPoints } = qweightOf(config, 'awq');
  refuseOtherBits(stored.require('qweight'), 1, rows);
  const packed = stored.tensor('qweight', ['I32'], [cols, rows / 8]);
  const { groupSize, scales, zeroPoints } = transposedGroups(stored, rows, cols);
  const symmetric = !hasZeroPoints && !stored.has('qzeros');
  const matrix: Int4Matrix = {
    ...{ kind: 'int4', packing: 'awq', rows, cols, groupSize, packed, scales, zeroOffset: 0 },
    zeroPoints: symmetric ? undefined : zeroPoints(),
    groupIndex: undefined,
    divisor: undefined,
  };
  return { matrix, facts: { format: 'AWQ int4', groupSize } };
}

/** `config` is of this packing: the table recognises a `qweight` only by its declaration. */
function qweightOf<P extends 'gptq' | 'awq'>(config: QuantizationConfig | undefined, packing: P) {
  const qweight = config?.qweight;
  if (qweight?.packing !== packing) throw new TypeError(`a ${packing} qweight without its declaration`);
  return qweight as Extract<typeof qweight, { packing: P }>;
}

/** Scales [groups, rows] and zero points [groups, rows / 8]. */
function transposedGroups(stored: Stored, rows: number, cols: number) {
  const groupSize = groupSizeOf(stored.require('scales'), 0, cols);
  const groups = cols / groupSize;
  const scales = stored.tensor('scales', FLOATS, [groups, rows]);
  return { groupSize, scales, zeroPoints: () => stored.tensor('qzeros', ['I32'], [groups, rows / 8]) };
}

/** As the scales' shape says: cols / groups. */
function groupSizeOf(scales: Tensor, axis: 0 | 1, cols: number): GroupSize {
  const groups = scales.shape[axis] ?? 0;
  const groupSize = GROUP_SIZES.find((size) => size * groups === cols);
  if (groupSize !== undefined) return groupSize;
  const found = `int4 with ${groups} scales for rows of ${cols} weights, which is no whole group of ${GROUP_SIZES.join(', ')}`;
  throw unsupported(found, { tensor: scales.name });
}

/** The same tensors with 2, 3 or 8 bits have another size where words hold eight nibbles. */
function refuseOtherBits(packed: Tensor, axis: 0 | 1, weights: number): void {
  const bits = ((packed.shape[axis] ?? 0) * 32) / weights;
  if (bits === 2 || bits === 3 || bits === 8) throw unsupported(`integers of ${bits} bits`, { tensor: packed.name });
}

/**
 * The up projection of a feed-forward whose activation is scaled: AutoAWQ divides the gate's activation by a vector, which
 * is the same as dividing the rows that it is multiplied with. Throws `quantization_unsupported` where those are not int4.
 */
export function withDivisor(matrix: Int4Matrix | { readonly kind: string }, divisor: Tensor): Int4Matrix {
  if (matrix.kind === 'int4') return { ...(matrix as Int4Matrix), divisor };
  throw new OutriderError(
    'quantization_unsupported',
    `"${divisor.name}" scales the activation of a layer whose up projection is stored as ${matrix.kind}; ` +
      'only that of int4 layers is read. Take the original weights.',
    { details: { tensor: divisor.name } },
  );
}
