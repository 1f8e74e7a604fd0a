import source from '../../shaders/attention-merge.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/plan.ts';
import { type AttentionRequest, keysSeen, partialBytes, queryBytes } from './attention-request.ts';
import { plain } from './variants.ts';

/** Completes attention of one token from its partial results. Shapes: shaders/attention-merge.wgsl. */
export const attentionMergeKernel = defineKernel('attention-merge', source, [state]);

/** y from all partial results of all regions. */
export function mergeAttention(recorder: Recorder, request: AttentionRequest, piece: number): void {
  const { state, partials, y, shape, regions, maxPartials } = request;
  const { numHeads, headDim } = shape;
  recorder.dispatch({
    variant: plain(attentionMergeKernel),
    buffers: { state, partials, y },
    params: {
      num_heads: numHeads,
      head_dim: headDim,
      chunk: shape.chunked ? regions[0]!.slots : 0,
      piece,
      max_partials: maxPartials,
    },
    grid: [numHeads, 1, 1],
    cost: (at) => {
      const count = regions.reduce((sum, region) => sum + Math.ceil(keysSeen(shape, region, at) / piece), 0);
      return {
        bytes: count * numHeads * partialBytes(shape) + queryBytes(shape),
        flops: 2 * count * numHeads * (headDim + 1),
      };
    },
  });
}
