import { describe, it } from 'vitest';
import { attentionMergeKernel } from '../../src/kernels/attention-merge.ts';
import { plain } from '../../src/kernels/variants.ts';
import { attentionMergeData, cases } from '../../src/reference/attention-merge.ts';
import { expectClose, FREE, useLab } from './harness.ts';

describe('attention-merge joins partial results as its oracle does', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { heads, headDim, rows, chunk, piece, maxPartials } = testCase;
    const { partials, expected } = attentionMergeData(testCase);
    const y = lab().buffer(new Float32Array(expected.length));
    await lab().run(testCase, (recorder) =>
      recorder.dispatch({
        variant: plain(attentionMergeKernel, { CHUNKED: chunk ? 1 : 0, CARRY: piece ? 0 : 1 }),
        buffers: { state: lab().state(testCase), partials: lab().buffer(partials), y },
        params: {
          num_heads: heads,
          head_dim: headDim,
          chunk: chunk ?? 0,
          piece: piece ?? 1,
          max_partials: maxPartials,
        },
        grid: [heads, rows, 1],
        cost: () => FREE,
      }),
    );
    expectClose(await lab().floats(y, expected.length), expected);
  });
});
