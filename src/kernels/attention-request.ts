/** What attention is asked for, whichever way it is computed, and what it costs. */
import type { At, Cost } from '../gpu/plan.ts';

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
  /** One token: [numHeads, maxPartials, headDim + 2] f32; a block: [rows, numHeads, headDim + 2]. */
  readonly partials: GPUBuffer;
  readonly y: GPUBuffer; // [rows, numHeads * headDim] f32
  readonly shape: AttentionShape;
  readonly regions: readonly KvRegion[];
  /** Keys per partial result of one token, a divisor of the segments' slots; undefined: a block of rows. */
  readonly piece: number | undefined;
  readonly maxPartials: number;
}

/** A sum of values, its maximum and its weight, of one head. */
export function partialBytes({ headDim }: AttentionShape): number {
  return (headDim + 2) * 4;
}

/** Queries, or results, of one token. */
export function queryBytes({ numHeads, headDim }: AttentionShape): number {
  return numHeads * headDim * 4;
}

/** Keys of a region that the newest row of a run sees; a run never crosses a chunk boundary. */
export function keysSeen(shape: AttentionShape, { first, slots }: KvRegion, { position, rows }: At): number {
  const last = position + rows - 1;
  if (shape.chunked) return (last % slots) + 1;
  return Math.max(0, Math.min(slots, last - first + 1));
}

/** Keys and values are read once, however many heads and rows share them; a key and a value of a head are four operations a dimension. */
export function keysCost(shape: AttentionShape, region: KvRegion, at: At): Cost {
  const { numHeads, numKvHeads, headDim, kvDtype } = shape;
  const stored = 2 * keysSeen(shape, region, at) * numKvHeads * headDim * (kvDtype === 'f16' ? 2 : 4);
  return { bytes: stored, flops: 4 * keysOfRows(shape, region, at) * numHeads * headDim };
}

/** Keys of a region that a run's rows see, added up. */
function keysOfRows({ chunked }: AttentionShape, { first, slots }: KvRegion, { position, rows }: At): number {
  const before = chunked ? position % slots : position - first;
  /** Of all rows up to the one that would see `keys`, were the region endless and had it begun with the first. */
  const upTo = (keys: number): number => {
    const growing = Math.max(0, Math.min(keys, slots));
    return (growing * (growing + 1)) / 2 + Math.max(0, keys - slots) * slots;
  };
  return upTo(before + rows) - upTo(before);
}

/** The params that all ways have in common: shaders/shared/attention.wgsl. */
export function attentionParams({ shape, piece, maxPartials }: AttentionRequest, { first, slots }: KvRegion) {
  return {
    num_heads: shape.numHeads,
    num_kv_heads: shape.numKvHeads,
    head_dim: shape.headDim,
    chunked: shape.chunked ? 1 : 0,
    first,
    slots,
    piece: piece ?? slots,
    max_partials: maxPartials,
    scale: shape.headDim ** -0.5,
  };
}
