/** Attention of a model's layers, as trials. */
import type { Recorder } from '../../gpu/plan.ts';
import { type AttentionShape, attention } from '../../kernels/attention.ts';
import type { KernelOptions } from '../../kernels/variants.ts';
import { PIECE } from '../memory/activations.ts';
import { storedFloats, wordSource } from './numbers.ts';
import type { Trial, Workbench } from './workbench.ts';

/** Rows at the end of `keys` tokens, whose keys and values lie in one region. */
export function attentionTrial(bench: Workbench, shape: AttentionShape, keys: number, rows: number): Trial {
  const { numHeads, numKvHeads, headDim, kvDtype } = shape;
  const next = wordSource();
  const slots = Math.ceil(keys / PIECE) * PIECE;
  const width = (numHeads + 2 * numKvHeads) * headDim;
  const [qBits, small] = storedFloats(next, rows * width, 'F32');
  const [kvBits, kv] = storedFloats(next, 2 * slots * numKvHeads * headDim, kvDtype === 'f16' ? 'F16' : 'F32');
  const q = small.map((value) => 16 * value); // so that scores differ by about 1
  const at = { position: keys - rows, rows };
  const kvBuffer = bench.buffer(kvBits);
  const maxPartials = rows === 1 ? slots / PIECE : 1;
  const request = {
    state: bench.state(at),
    qkv: bench.buffer(qBits.map((bits) => bits + (4 << 23))),
    partials: bench.buffer(rows * numHeads * maxPartials * (headDim + 2) * 4),
    y: bench.buffer(rows * numHeads * headDim * 4),
    shape,
    regions: [{ first: 0, slots, buffer: () => kvBuffer }],
    piece: rows === 1 ? PIECE : undefined,
    maxPartials,
  };
  return {
    name: `${shape.chunked ? 'chunked' : 'global'} attention, ${rows} of ${keys}`,
    at,
    y: request.y,
    record: (recorder: Recorder, _options: KernelOptions) => attention(recorder, request),
    expected() {
      const out = new Float64Array(rows * numHeads * headDim);
      for (let row = 0; row < rows; row++) {
        for (let head = 0; head < numHeads; head++) {
          const kvHead = Math.floor((head * numKvHeads) / numHeads);
          const query = q.subarray(row * width + head * headDim, row * width + (head + 1) * headDim);
          const keyAt = (key: number) => (key * numKvHeads + kvHead) * headDim;
          const into = out.subarray((row * numHeads + head) * headDim, (row * numHeads + head + 1) * headDim);
          attend(query, kv, keyAt, slots * numKvHeads * headDim, keys - rows + row + 1, into);
        }
      }
      return out;
    },
  };
}

/** softmax(q k / sqrt(headDim)) v of one head. @param valuesAt from a key's place to its value's */
function attend(
  q: Float64Array,
  kv: Float64Array,
  keyAt: (key: number) => number,
  valuesAt: number,
  keys: number,
  into: Float64Array,
): void {
  let total = 0;
  for (let key = 0; key < keys; key++) {
    const place = keyAt(key);
    const weight = Math.exp(q.reduce((sum, value, dim) => sum + value * kv[place + dim]!, 0) / Math.sqrt(q.length));
    total += weight;
    for (let dim = 0; dim < q.length; dim++) into[dim]! += weight * kv[valuesAt + place + dim]!;
  }
  for (let dim = 0; dim < q.length; dim++) into[dim]! /= total;
}
