/** Four-bit integers in groups that lie across: GPTQ, AWQ. Layouts: `Int4Matrix`. */
import { OutriderError } from '../../errors.ts';
import type { Int4Matrix } from '../model-tensors.ts';
import type { Tensor } from '../tensor.ts';
import type { Found, QuantizationConfig } from './facts.ts';
import { groupSizeOf, refuseOtherBits } from './pack-quantized.ts';
import { FLOATS, type Stored } from './tensor-index.ts';

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
