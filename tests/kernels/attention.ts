/** The words of src/kernels for an attention case, and its check. */
import { attention } from '../../src/kernels/attention.ts';
import type { AttentionRequest, AttentionShape, KvDtype } from '../../src/kernels/attention-request.ts';
import { attentionVariants } from '../../src/kernels/attention-variants.ts';
import { type AttentionCase, type AttentionDims, attentionData } from '../../src/reference/attention.ts';
import { expectClose, type Lab } from './harness.ts';

export function shapeOf(
  { numAttentionHeads, numKeyValueHeads, headDim }: AttentionDims,
  chunked: boolean,
  kvDtype: KvDtype,
): AttentionShape {
  return { numHeads: numAttentionHeads, numKvHeads: numKeyValueHeads, headDim, chunked, kvDtype };
}

/** The adapter's variants on the same numbers, and with `everyVariant` a real GPU's; what none must read is NaN. */
export async function checkAttention(lab: Lab, testCase: AttentionCase): Promise<void> {
  const data = attentionData(testCase);
  const { facts } = lab.gpu;
  const others = facts.software && testCase.everyVariant ? attentionVariants({ ...facts, software: false }) : [];
  for (const variant of [...attentionVariants(facts), ...others]) {
    const { request, y } = requestOf(lab, testCase, data);
    await lab.run(testCase, (recorder) => attention(recorder, { attention: variant }, request));
    expectClose(await lab.floats(y, data.expected.length), data.expected);
  }
}

/** Buffers of a case as the kernels bind them. */
export function requestOf(
  lab: Lab,
  testCase: AttentionCase,
  data: ReturnType<typeof attentionData>,
): { request: AttentionRequest; y: GPUBuffer } {
  const { numAttentionHeads, headDim, rows, slots, piece, kind, kvDtype = 'f32' } = testCase;
  const maxPartials = piece === undefined ? 1 : data.regions.length * Math.ceil(slots / piece);
  const partials = new Float32Array(rows * numAttentionHeads * maxPartials * (headDim + 2)).fill(Number.NaN);
  const y = lab.buffer(new Float32Array(data.expected.length));
  const regions = data.regions.map(({ first, kv }) => {
    const buffer = lab.buffer(kv);
    return { first, slots, buffer: () => buffer };
  });
  const request = {
    state: lab.state(testCase),
    qkv: lab.buffer(data.qkv),
    partials: lab.buffer(partials),
    y,
    shape: shapeOf(testCase, kind === 'chunked', kvDtype),
    regions,
    piece,
    maxPartials,
  };
  return { request, y };
}
