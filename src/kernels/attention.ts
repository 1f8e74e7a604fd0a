import source from '../../shaders/attention.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { At, Grid, Recorder } from '../gpu/plan.ts';
import { attentionMergeKernel } from './attention-merge.ts';
import { plain } from './variants.ts';

/** Partial attention over a piece of the keys. Shapes: shaders/attention.wgsl. */
export const attentionKernel = defineKernel('attention', source, [state]);

/**
 * How keys and values are stored. f32 is lossless; f16 takes half the memory, rounds to 11 significant bits, and stores
 * what lies beyond +-65504 as +-65504. Neither needs `shader-f16`.
 */
export type KvDtype = 'f32' | 'f16';

export interface AttentionShape {
  readonly numHeads: number;
  readonly numKvHeads: number;
  /** Multiple of 4, with f16 keys of 8; at most 256. */
  readonly headDim: number;
  /** One region of `slots` = chunk tokens that restarts at each boundary; else segments that follow each other. */
  readonly chunked: boolean;
  readonly kvDtype: KvDtype;
}

/** Keys and values of `slots` tokens: [2, slots, numKvHeads, headDim] of the shape's `kvDtype`. */
export interface KvRegion {
  /** Position of slot 0; 0 for a chunk's region. */
  readonly first: number;
  readonly slots: number;
  /** The buffer, once it is allocated. */
  readonly buffer: () => GPUBuffer;
}

export interface AttentionRequest {
  readonly state: GPUBuffer;
  readonly qkv: GPUBuffer; // [rows, numHeads + 2 numKvHeads, headDim] f32, finished by rope-kv
  readonly partials: GPUBuffer; // [rows, numHeads, maxPartials, headDim + 2] f32
  readonly y: GPUBuffer; // [rows, numHeads * headDim] f32
  readonly shape: AttentionShape;
  readonly regions: readonly KvRegion[];
  /** Keys per workgroup for one token; undefined: a block of rows, each of which carries one partial along. */
  readonly piece: number | undefined;
  readonly maxPartials: number;
}

/** y = softmax(q k^T / sqrt(headDim)) v, causal and inside the chunk: partial results per region, then the merge. */
export function attention(recorder: Recorder, request: AttentionRequest): void {
  const { state, qkv, partials, y, shape, regions, piece, maxPartials } = request;
  const overrides = { CHUNKED: shape.chunked ? 1 : 0, CARRY: piece === undefined ? 1 : 0 };
  for (const region of regions) {
    recorder.dispatch({
      variant: plain(attentionKernel, { ...overrides, KV_F16: shape.kvDtype === 'f16' ? 1 : 0 }),
      buffers: () => ({ state, qkv, kv: region.buffer(), partials }),
      params: {
        num_heads: shape.numHeads,
        num_kv_heads: shape.numKvHeads,
        head_dim: shape.headDim,
        first: region.first,
        slots: region.slots,
        piece: piece ?? region.slots,
        max_partials: maxPartials,
        scale: shape.headDim ** -0.5,
      },
      grid: (at): Grid => [shape.numHeads, at.rows, Math.ceil(keysSeen(shape, region, at) / (piece ?? region.slots))],
      cost: (at) => {
        const keys = keysSeen(shape, region, at);
        const kv = 2 * keys * shape.numKvHeads * shape.headDim * (shape.kvDtype === 'f16' ? 2 : 4);
        return { bytes: kv + rowBytes(shape, at), flops: 4 * keys * at.rows * shape.numHeads * shape.headDim };
      },
    });
  }
  recorder.dispatch({
    variant: plain(attentionMergeKernel, overrides),
    buffers: { state, partials, y },
    params: {
      num_heads: shape.numHeads,
      head_dim: shape.headDim,
      chunk: shape.chunked ? regions[0]!.slots : 0,
      piece: piece ?? 1,
      max_partials: maxPartials,
    },
    grid: ({ rows }) => [shape.numHeads, rows, 1],
    cost: (at) => ({ bytes: 2 * rowBytes(shape, at), flops: 2 * at.rows * shape.numHeads * shape.headDim }),
  });
}

/** Of the queries, or of the results. */
function rowBytes({ numHeads, headDim }: AttentionShape, { rows }: At): number {
  return rows * numHeads * headDim * 4;
}

/** Keys of a region that the newest row of a run sees; runs never cross a chunk boundary. */
function keysSeen({ chunked }: AttentionShape, { first, slots }: KvRegion, { position, rows }: At): number {
  const last = position + rows - 1;
  if (chunked) return (last % slots) + 1;
  return Math.max(0, Math.min(slots, last - first + 1));
}
