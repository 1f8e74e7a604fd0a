import { describe, it } from 'vitest';
import { attentionMergeKernel } from '../../src/kernels/attention-merge.ts';
import { plain } from '../../src/kernels/variants.ts';
import { attentionMergeData, cases } from '../../src/reference/attention-merge.ts';
import { expectClose, useLab } from './harness.ts';

describe('attention-merge joins partial results as its oracle does', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { heads, headDim, position, chunk, piece, maxPartials } = testCase;
    const { partials, expected } = attentionMergeData(testCase);
    const y = lab().buffer(new Float32Array(expected.length));
    const at = { position, rows: 1 };
    await lab().run(at, (recorder) =>
      recorder.dispatch({
        variant: plain(attentionMergeKernel),
        buffers: { state: lab().state(at), partials: lab().buffer(partials), y },
        params: { num_heads: heads, head_dim: headDim, chunk: chunk ?? 0, piece, max_partials: maxPartials },
        grid: [heads, 1, 1],
        cost: () => ({ bytes: 0, flops: 0 }),
      }),
    );
    expectClose(await lab().floats(y, expected.length), expected);
  });
});
