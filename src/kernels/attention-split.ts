import source from '../../shaders/attention-split.wgsl?raw';
import subgroupSource from '../../shaders/attention-split-subgroup.wgsl?raw';
import shared from '../../shaders/shared/attention.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel, type Variant } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/plan.ts';
import {
  type AttentionRequest,
  type AttentionShape,
  attentionParams,
  keysCost,
  keysSeen,
  partialBytes,
  queryBytes,
} from './attention-request.ts';
import type { AttentionVariant } from './attention-variants.ts';

/** Partial attention of one token over a piece of the keys. Shapes: shaders/attention-split.wgsl. */
export const attentionSplit = defineKernel('attention-split', source, [shared, state]);
/** The same by shuffles. */
export const attentionSplitSubgroup = defineKernel('attention-split-subgroup', subgroupSource, [shared, state]);

/** Registers of a thread. */
const MAX_HEADS = 8;
const WORKGROUP_BYTES = 16_384;

/** What a model's heads make of the kernel on an adapter. */
export function splitVariant({ lanes }: AttentionVariant, shape: AttentionShape): Variant {
  const { numHeads, numKvHeads, headDim, kvDtype } = shape;
  const group = numHeads / numKvHeads;
  const KV_F16 = kvDtype === 'f16' ? 1 : 0;
  if (lanes) {
    const overrides = { KV_F16, LANES: lanes, HEADS: evenly(group, lanes), COLUMNS: Math.ceil(headDim / 4 / lanes) };
    return { kernel: attentionSplitSubgroup, overrides, elem: 'f32', subgroups: true };
  }
  const perHead = headDim * 4 + 1024 + 8; // its query, its scores and their parts, its maximum
  const fixed = 512 + 2048 + 512; // maxima, and the teams' sums
  const overrides = {
    KV_F16,
    HEADS: evenly(group, Math.floor((WORKGROUP_BYTES - fixed) / perHead)),
    HEAD_DIM: headDim,
  };
  return { kernel: attentionSplit, overrides, elem: 'f32', subgroups: false };
}

/** Parts of `count`, as few and as even as can be, of at most `most`. */
function evenly(count: number, most: number): number {
  return Math.ceil(count / Math.ceil(count / Math.min(most, MAX_HEADS)));
}

/** Partial results of every region, for the merge. */
export function splitAttention(
  recorder: Recorder,
  way: AttentionVariant,
  request: AttentionRequest,
  piece: number,
): void {
  const { state, qkv, partials, shape, regions } = request;
  const { numHeads, numKvHeads } = shape;
  const variant = splitVariant(way, shape);
  const parts = Math.ceil(numHeads / numKvHeads / variant.overrides.HEADS!);
  for (const region of regions) {
    recorder.dispatch({
      variant,
      buffers: () => ({ state, qkv, kv: region.buffer(), partials }),
      params: { ...attentionParams(request, region), partial: region.first / piece },
      grid: (at) => [numKvHeads, parts, Math.ceil(keysSeen(shape, region, at) / piece)],
      cost: (at) => {
        const { bytes, flops } = keysCost(shape, region, at);
        const pieces = Math.ceil(keysSeen(shape, region, at) / piece);
        return { bytes: bytes + queryBytes(shape) + pieces * numHeads * partialBytes(shape), flops };
      },
    });
  }
}
