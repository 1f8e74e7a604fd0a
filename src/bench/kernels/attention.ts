/** An attention case on the GPU: compared with its oracle once, then timed. */
import { type AttentionShape, attention } from '../../kernels/attention.ts';
import type { KernelOptions } from '../../kernels/variants.ts';
import { type AttentionCase, attentionData } from '../../reference/attention.ts';
import type { Lab } from '../lab.ts';
import type { Prepared } from './subject.ts';

export async function prepareAttention(lab: Lab, testCase: AttentionCase, options: KernelOptions): Promise<Prepared> {
  const { numAttentionHeads, numKeyValueHeads, headDim, rows, slots, piece, kind, kvDtype = 'f32' } = testCase;
  const data = attentionData(testCase);
  const maxPartials = piece === undefined ? 1 : data.regions.length * Math.ceil(slots / piece);
  const y = lab.room(data.expected.length * 4);
  const regions = data.regions.map(({ first, kv }) => {
    const buffer = lab.buffer(kv);
    return { first, slots, buffer: () => buffer };
  });
  const shape: AttentionShape = {
    numHeads: numAttentionHeads,
    numKvHeads: numKeyValueHeads,
    headDim,
    chunked: kind === 'chunked',
    kvDtype,
  };
  const request = {
    state: lab.state(testCase),
    qkv: lab.buffer(data.qkv),
    partials: lab.room(rows * numAttentionHeads * maxPartials * (headDim + 2) * 4),
    y,
    shape,
    regions,
    piece,
    maxPartials,
  };
  return {
    runs: [await lab.record(testCase, (recorder) => attention(recorder, options, request))],
    expected: data.expected,
    found: () => lab.floats(y, data.expected.length),
  };
}
