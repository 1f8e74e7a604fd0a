/** Attention of a model's layers, as trials. */
import type { AttentionShape } from '../../kernels/attention.ts';
import { PIECE } from '../memory/activations.ts';
import { storedFloats, wordSource } from './numbers.ts';
import type { Trial } from './trial.ts';

/** `rows` rows at the end of `keys` tokens. */
export function attentionTrial(shape: AttentionShape, keys: number, rows: number): Trial {
  const { numHeads, numKvHeads, headDim, kvDtype } = shape;
  const slots = Math.ceil(keys / PIECE) * PIECE;
  const width = (numHeads + 2 * numKvHeads) * headDim;
  const kvWidth = numKvHeads * headDim;
  const next = wordSource();
  const [qBits, q] = storedFloats(next, rows * width);
  const [kvBits, kv] = storedFloats(next, 2 * slots * kvWidth, kvDtype === 'f16' ? 'F16' : 'F32');
  /** softmax(q k / sqrt(headDim)) v of one head of a row, into `out`. */
  const attend = (row: number, head: number, out: Float64Array) => {
    const qAt = row * width + head * headDim;
    const kvAt = Math.floor((head * numKvHeads) / numHeads) * headDim;
    let total = 0;
    for (let key = 0; key <= keys - rows + row; key++) {
      const keyAt = key * kvWidth + kvAt;
      let score = 0;
      for (let dim = 0; dim < headDim; dim++) score += q[qAt + dim]! * kv[keyAt + dim]!;
      const weight = Math.exp(score / Math.sqrt(headDim));
      total += weight;
      for (let dim = 0; dim < headDim; dim++) out[dim]! += weight * kv[slots * kvWidth + keyAt + dim]!;
    }
    for (let dim = 0; dim < headDim; dim++) out[dim]! /= total;
  };
  return {
    work: { kind: 'attention', shape, keys, rows, slots, qkv: qBits, kv: kvBits },
    expected() {
      const out = new Float64Array(rows * numHeads * headDim);
      for (let head = 0; head < rows * numHeads; head++) {
        const own = out.subarray(head * headDim, (head + 1) * headDim);
        attend(Math.floor(head / numHeads), head % numHeads, own);
      }
      return out;
    },
  };
}
