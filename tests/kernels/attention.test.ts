import { describe, it } from 'vitest';
import { attention } from '../../src/kernels/attention.ts';
import { attentionData, cases } from '../../src/reference/attention.ts';
import { shapeOf } from './attention.ts';
import { expectClose, useLab } from './harness.ts';

describe('attention and its merge compute what the oracle computes in one softmax', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { numAttentionHeads, headDim, rows, slots, piece } = testCase;
    const data = attentionData(testCase);
    const maxPartials = piece === undefined ? 1 : data.regions.length * Math.ceil(slots / piece);
    const y = lab().buffer(new Float32Array(data.expected.length));
    const regions = data.regions.map(({ first, kv }) => {
      const buffer = lab().buffer(kv);
      return { first, slots, buffer: () => buffer };
    });
    const request = {
      state: lab().state(testCase),
      qkv: lab().buffer(data.qkv),
      partials: lab().buffer(new Float32Array(rows * numAttentionHeads * maxPartials * (headDim + 2)).fill(Number.NaN)),
      y,
      shape: shapeOf(testCase, testCase.kind === 'chunked', testCase.kvDtype ?? 'f32'),
      regions,
      piece,
      maxPartials,
    };
    await lab().run(testCase, (recorder) => attention(recorder, request));
    expectClose(await lab().floats(y, data.expected.length), data.expected);
  });
});
