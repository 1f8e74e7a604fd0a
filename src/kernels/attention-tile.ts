import source from '../../shaders/attention-tile.wgsl?raw';
import subgroupSource from '../../shaders/attention-tile-subgroup.wgsl?raw';
import shared from '../../shaders/shared/attention.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel, type Variant } from '../gpu/kernel.ts';
import type { Grid, Recorder } from '../gpu/plan.ts';
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

/** Attention of a block of rows over a region. Shapes: shaders/attention-tile.wgsl. */
export const attentionTile = defineKernel('attention-tile', source, [shared, state]);
/** The same by shuffles. */
export const attentionTileSubgroup = defineKernel('attention-tile-subgroup', subgroupSource, [shared, state]);

/** Queries of a workgroup, a row and a head each, where they meet in workgroup memory. */
const QUERIES = 32;
/** Queries of a thread that shuffles. */
const THREAD_QUERIES = 4;
/** Sums of values, each of four f32: of a workgroup, or of a thread that keeps its own, as on SwiftShader, which has 4 lanes. */
const SHARED_SUMS = 1024;
const PRIVATE_SUMS = 128;
const PRIVATE_LANES = 4;
/** They share eight keys. Of the widest heads they have room for their sums. */
const LEAST_THREADS = 4;

/** What a model's heads make of the kernel on an adapter. */
export function tileVariant({ lanes }: AttentionVariant, { headDim, kvDtype }: AttentionShape): Variant {
  const KV_F16 = kvDtype === 'f16' ? 1 : 0;
  if (lanes) {
    const THREADS = lanes * headDim > SHARED_SUMS ? LEAST_THREADS : lanes;
    const PRIVATE = lanes === PRIVATE_LANES && headDim <= PRIVATE_SUMS ? 1 : 0;
    const overrides = { KV_F16, THREADS, PRIVATE, SHARED_SUMS: PRIVATE ? 1 : THREADS * headDim };
    return { kernel: attentionTileSubgroup, overrides, elem: 'f32', subgroups: true };
  }
  const dim4 = headDim / 4;
  const staged = Math.min(32, 2 ** Math.floor(Math.log2(512 / dim4)));
  const overrides = { KV_F16, HEAD_DIM: headDim, COLUMNS: Math.ceil(dim4 / 16), STAGED: staged };
  return { kernel: attentionTile, overrides, elem: 'f32', subgroups: false };
}

/** y of a block; `partials` carries sums from segment to segment. */
export function tileAttention(recorder: Recorder, way: AttentionVariant, request: AttentionRequest): void {
  const { state, qkv, partials: carried, y, shape, regions } = request;
  const { numHeads, numKvHeads } = shape;
  const variant = tileVariant(way, shape);
  const { THREADS } = variant.overrides;
  const queries = THREADS ? THREADS * THREAD_QUERIES : QUERIES;
  for (const region of regions) {
    recorder.dispatch({
      variant,
      buffers: () => ({ state, qkv, kv: region.buffer(), carried, y }),
      params: { ...attentionParams(request, region), partial: 0 },
      grid: (at): Grid => {
        if (keysSeen(shape, region, at) === 0) return [0, 0, 0];
        return [numKvHeads, Math.ceil((at.rows * numHeads) / numKvHeads / queries), 1];
      },
      cost: (at) => {
        const { bytes, flops } = keysCost(shape, region, at);
        const carry = numHeads * partialBytes(shape);
        const isLast = shape.chunked || at.position + at.rows <= region.first + region.slots;
        const perRow = queryBytes(shape) + (region.first > 0 ? carry : 0) + (isLast ? queryBytes(shape) : carry);
        return { bytes: bytes + at.rows * perRow, flops };
      },
    });
  }
}
