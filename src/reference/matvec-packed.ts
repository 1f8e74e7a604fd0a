import type { FloatDtype } from '../kernels/matrix.ts';
import { type ProjectionCase, stackCases } from './projection.ts';

const affine = (bits: 4 | 8, groupSize: number, scale: FloatDtype = 'BF16') =>
  ({ kind: 'affine', bits, groupSize, scale }) as const;
const fp8 = (groupSize: number, scale: FloatDtype = 'BF16') => ({ kind: 'fp8', groupSize, scale }) as const;
const nvfp4 = { kind: 'nvfp4' } as const;
const nf4 = { kind: 'nf4' } as const;
const ordered = (groupSize: number, scale: FloatDtype, asymmetric: boolean) =>
  ({ kind: 'int4', groupSize, scale, asymmetric, ordered: true }) as const;

const stack = { total: 3, first: 0, count: 3 };
const laterShard = { total: 3, first: 1, count: 2 };
const otherShard = { total: 1, first: 1, count: 2 };

/**
 * Oracle: projectionData in projection.ts. Every codec, scale type and epilogue is met, but not their product: a
 * software driver compiles a variant for seconds.
 */
export const cases: readonly ProjectionCase[] = [
  { name: 'affine, one row, one octet', weights: affine(4, 8), outputs: 1, cols: 8, f16: true },
  { name: 'affine, 8 bits, odd rows', weights: affine(8, 64, 'F16'), outputs: 7, cols: 328, f16: true },
  { name: 'affine, ragged grid, residual', weights: affine(4, 64), outputs: 257, cols: 1024, add: true },
  { name: 'affine, f32 scales, columns beside others', weights: affine(8, 32, 'F32'), outputs: 30, cols: 96, yAt: 12 },
  { name: 'affine, experts, SwiGLU', weights: affine(4, 32), outputs: 33, cols: 160, swiglu: true, experts: stack },
  {
    name: 'affine, another shard’s expert',
    weights: affine(4, 32),
    outputs: 40,
    cols: 64,
    add: true,
    experts: otherShard,
  },
  { name: 'affine, Scout q_proj', weights: affine(4, 64), outputs: 5120, cols: 5120, bench: true },
  { name: 'affine, 8 bits, Scout k_proj', weights: affine(8, 64), outputs: 1024, cols: 5120, bench: true },
  { name: 'affine, Scout lm_head rows', weights: affine(4, 32), outputs: 202_048, cols: 32 },
  { name: 'fp8, a scale a row, odd rows', weights: fp8(328), outputs: 7, cols: 328, f16: true },
  { name: 'fp8, blocks that end inside the row', weights: fp8(128, 'F32'), outputs: 130, cols: 328, add: true },
  { name: 'fp8, SwiGLU', weights: fp8(128, 'F16'), outputs: 35, cols: 256, swiglu: true, experts: stack },
  { name: 'fp8, Scout k_proj', weights: fp8(5120), outputs: 1024, cols: 5120, bench: true },
  { name: 'nvfp4, odd rows', weights: nvfp4, outputs: 7, cols: 352, f16: true },
  { name: 'nvfp4, a later shard, residual', weights: nvfp4, outputs: 41, cols: 96, add: true, experts: laterShard },
  { name: 'nvfp4, SwiGLU', weights: nvfp4, outputs: 35, cols: 160, swiglu: true, experts: stack },
  { name: 'nvfp4, Scout k_proj', weights: nvfp4, outputs: 1024, cols: 5120, bench: true },
  { name: 'nf4, blocks that straddle rows', weights: nf4, outputs: 37, cols: 72, f16: true },
  { name: 'nf4, a later shard, residual', weights: nf4, outputs: 40, cols: 128, add: true, experts: laterShard },
  { name: 'nf4, SwiGLU', weights: nf4, outputs: 34, cols: 96, swiglu: true, experts: stack },
  { name: 'nf4, Scout k_proj', weights: nf4, outputs: 1024, cols: 5120, bench: true },
  { name: 'int4 in order of activation', weights: ordered(32, 'BF16', false), outputs: 37, cols: 160 },
  { name: 'the same with zero points, residual', weights: ordered(64, 'F16', true), outputs: 66, cols: 320, add: true },
  {
    name: 'gate and up, each in an order of its own',
    weights: ordered(32, 'F32', true),
    outputs: 35,
    cols: 128,
    swiglu: true,
    experts: laterShard,
  },
  { name: 'affine, normalized', weights: affine(8, 32), outputs: 37, cols: 96, norm: true, f16: true },
  { name: 'nf4, normalized, SwiGLU', weights: nf4, outputs: 9, cols: 72, norm: true, swiglu: true },
  ...stackCases(affine(4, 32), ordered(32, 'BF16', true)).filter(({ shards }) => shards?.length === 3),
];
