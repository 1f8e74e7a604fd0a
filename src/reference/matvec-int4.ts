import type { FloatDtype } from '../kernels/matrix.ts';
import { type ProjectionCase, stackCases } from './projection.ts';

const int4 = (groupSize: number, scale: FloatDtype = 'BF16', asymmetric = false) =>
  ({ kind: 'int4', groupSize, scale, asymmetric, ordered: false }) as const;

/**
 * Oracle: projectionData in projection.ts. Every group size, scale type and epilogue is met, but not their product:
 * a software driver compiles a variant for seconds.
 */
export const cases: readonly ProjectionCase[] = [
  { name: 'one row, one group', weights: int4(32), outputs: 1, cols: 32, f16: true },
  { name: "rows that are no multiple of a thread's four", weights: int4(32), outputs: 7, cols: 96, f16: true },
  { name: 'ragged grid', weights: int4(32), outputs: 257, cols: 1024, f16: true },
  { name: 'Scout lm_head rows', weights: int4(32), outputs: 202_048, cols: 32 },
  {
    name: 'zero points, rows that end inside a zero-point word',
    weights: int4(64, 'BF16', true),
    outputs: 37,
    cols: 320,
  },
  { name: 'columns beside others', weights: int4(64, 'BF16', true), outputs: 30, cols: 256, yAt: 12 },
  { name: 'f32 scales and zero points', weights: int4(128, 'F32', true), outputs: 65, cols: 384 },
  { name: 'f16 scales and zero points, residual', weights: int4(128, 'F16', true), outputs: 66, cols: 640, add: true },
  { name: 'an odd number of scales', weights: int4(128), outputs: 3, cols: 128, add: true },
  { name: 'residual', weights: int4(128), outputs: 130, cols: 512, add: true },
  { name: 'Scout shared expert down_proj', weights: int4(128), outputs: 5120, cols: 8192, add: true, bench: true },
  { name: 'Scout q_proj', weights: int4(128), outputs: 5120, cols: 5120, bench: true },
  { name: 'SwiGLU of an odd width', weights: int4(32), outputs: 33, cols: 160, swiglu: true },
  {
    name: 'an expert, SwiGLU',
    weights: int4(64, 'F16', true),
    outputs: 48,
    cols: 128,
    swiglu: true,
    experts: { total: 4, first: 0, count: 4 },
  },
  {
    name: 'an expert of a later shard, residual',
    weights: int4(32),
    outputs: 40,
    cols: 256,
    add: true,
    experts: { total: 3, first: 1, count: 2 },
  },
  {
    name: 'an expert of another shard leaves y alone',
    weights: int4(32),
    outputs: 40,
    cols: 64,
    add: true,
    experts: { total: 1, first: 1, count: 2 },
  },
  { name: 'normalized', weights: int4(32), outputs: 37, cols: 1056, norm: true, f16: true },
  {
    name: 'normalized, zero points, residual',
    weights: int4(64, 'F16', true),
    outputs: 20,
    cols: 448,
    norm: true,
    add: true,
  },
  { name: 'normalized, SwiGLU', weights: int4(128), outputs: 35, cols: 384, norm: true, swiglu: true },
  ...stackCases(int4(32), int4(64, 'F32', true)),
];
