/** bitsandbytes NF4. A stack of experts is quantized as one flat tensor, so a part of it is a run of its bytes and blocks. */
import { NF4_BLOCK, NF4_NESTED_BLOCK } from '../../quant/nf4-code.ts';
import type { Nf4Matrix } from '../model-tensors.ts';
import { runOf } from '../tensor.ts';
import { type Found, unsupported } from './facts.ts';
import { checked, mismatch, type Stored } from './tensor-index.ts';

export const NF4_STATE = 'weight.quant_state.bitsandbytes__nf4';

export function readNf4(stored: Stored, rows: number, cols: number): Found {
  const { index, count } = stored.part ?? { index: 0, count: 1 };
  const weight = stored.requireWhole('weight');
  const bytes = (rows * cols) / 2;
  // Stored as [n, 1], sometimes under a wider dtype (bnb_4bit_quant_storage): the bytes are the same.
  if (weight.end - weight.start !== bytes * count)
    throw mismatch({ ...weight, shape: [weight.end - weight.start] }, [bytes * count]);
  const blocks = (rows * cols) / NF4_BLOCK;
  const absmax = stored.requireWhole('weight.absmax');
  if (!Number.isInteger(blocks) || absmax.shape[0] !== blocks * count) {
    const found = `NF4 with ${absmax.shape[0] ?? 1} maxima for ${count} x [${rows}, ${cols}] weights, which is no block of ${NF4_BLOCK}`;
    throw unsupported(found, { tensor: absmax.name });
  }
  const nested = readNested(stored, blocks * count, index * blocks);
  checked(absmax, [nested ? 'U8' : 'F32'], [blocks * count]);
  const matrix: Nf4Matrix = {
    ...{ kind: 'nf4', rows, cols, nested },
    packed: runOf(weight, index * bytes, 'U8', [bytes]),
    absmax: runOf(absmax, index * blocks * (nested ? 1 : 4), absmax.dtype, [blocks]),
    quantMap: checked(stored.requireWhole('weight.quant_map'), ['F32'], [16]),
    quantState: stored.requireWhole(NF4_STATE),
  };
  return { matrix, facts: { format: 'bitsandbytes NF4' } };
}

function readNested(stored: Stored, blocks: number, first: number): Nf4Matrix['nested'] {
  const absmax = stored.whole('weight.nested_absmax');
  if (absmax === undefined) return undefined;
  return {
    absmax: checked(absmax, ['F32'], [Math.ceil(blocks / NF4_NESTED_BLOCK)]),
    quantMap: checked(stored.requireWhole('weight.nested_quant_map'), ['F32'], [256]),
    first,
  };
}
