import type { FloatDtype } from '../kernels/matrix.ts';
import type { ProjectionCase } from './projection.ts';

const affine = (bits: 4 | 8, groupSize: number, scale: FloatDtype = 'BF16') =>
  ({ kind: 'affine', bits, groupSize, scale }) as const;
const fp8 = (groupSize: number, scale: FloatDtype = 'BF16') => ({ kind: 'fp8', groupSize, scale }) as const;
const nvfp4 = { kind: 'nvfp4' } as const;
const nf4 = { kind: 'nf4' } as const;
const ordered = (groupSize: number, scale: FloatDtype, asymmetric: boolean) =>
  ({ kind: 'int4', groupSize, scale, asymmetric, ordered: true }) as const;

const stack = { total: 4, first: 0, count: 4 };
const shard = { total: 6, first: 2, count: 3 };

/**
 * Oracle: projectionData in projection.ts. Every codec, scale type and epilogue is met, but not their product: a
 * software driver compiles a variant for seconds.
 */
export const cases: readonly ProjectionCase[] = [
  { name: 'affine, one token, one row, one octet', weights: affine(4, 8), outputs: 1, cols: 8, tokens: 1, f16: true },
  { name: 'affine, 8 bits, a ragged tile', weights: affine(8, 64), outputs: 37, cols: 328, tokens: 5 },
  { name: 'affine, overhanging tiles', weights: affine(4, 64, 'F16'), outputs: 67, cols: 192, tokens: 33 },
  { name: 'affine, columns beside others', weights: affine(8, 32, 'F32'), outputs: 30, cols: 96, tokens: 18, yAt: 10 },
  {
    name: 'affine, experts, SwiGLU',
    weights: affine(4, 32),
    outputs: 40,
    cols: 96,
    tokens: 50,
    swiglu: true,
    experts: stack,
  },
  { name: 'affine, Scout k_proj, a block', weights: affine(4, 64), outputs: 1024, cols: 5120, tokens: 32, bench: true },
  { name: 'fp8, a scale a row', weights: fp8(328), outputs: 100, cols: 328, tokens: 20, add: true },
  { name: 'fp8, blocks that end inside the row', weights: fp8(128, 'F16'), outputs: 35, cols: 200, tokens: 19 },
  { name: 'fp8, experts, SwiGLU', weights: fp8(128), outputs: 33, cols: 256, tokens: 40, swiglu: true, experts: stack },
  { name: 'fp8, Scout k_proj, a block', weights: fp8(5120), outputs: 1024, cols: 5120, tokens: 32, bench: true },
  { name: 'nvfp4, a ragged tile', weights: nvfp4, outputs: 37, cols: 160, tokens: 5 },
  { name: 'nvfp4, SwiGLU of an odd width', weights: nvfp4, outputs: 35, cols: 128, tokens: 19, swiglu: true },
  {
    name: 'nvfp4, a shard of the experts',
    weights: nvfp4,
    outputs: 33,
    cols: 64,
    tokens: 45,
    add: true,
    experts: shard,
  },
  { name: 'nf4, blocks that straddle rows', weights: nf4, outputs: 37, cols: 72, tokens: 5 },
  { name: 'nf4, a shard of the experts', weights: nf4, outputs: 40, cols: 64, tokens: 45, add: true, experts: shard },
  { name: 'int4 in order of activation', weights: ordered(32, 'F16', false), outputs: 66, cols: 96, tokens: 17 },
  {
    name: 'gate and up, each in an order of its own',
    weights: ordered(64, 'BF16', true),
    outputs: 35,
    cols: 128,
    tokens: 50,
    swiglu: true,
    experts: stack,
  },
];
