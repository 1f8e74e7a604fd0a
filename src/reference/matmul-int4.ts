import type { FloatDtype } from '../kernels/matrix.ts';
import type { ProjectionCase } from './projection.ts';

const int4 = (groupSize: number, scale: FloatDtype = 'BF16', asymmetric = false) =>
  ({ kind: 'int4', groupSize, scale, asymmetric, ordered: false }) as const;

/**
 * Oracle: projectionData in projection.ts. Every group size, scale type and epilogue is met, but not their product:
 * a software driver compiles a variant for seconds.
 */
export const cases: readonly ProjectionCase[] = [
  { name: 'one token, one row, one group', weights: int4(32), outputs: 1, cols: 32, tokens: 1, f16: true },
  { name: 'a ragged tile of tokens and rows', weights: int4(32), outputs: 37, cols: 192, tokens: 5, f16: true },
  {
    name: 'tiles that overhang both ways, zero points',
    weights: int4(64, 'F16', true),
    outputs: 67,
    cols: 192,
    tokens: 33,
  },
  { name: 'columns beside others', weights: int4(64, 'F16', true), outputs: 30, cols: 128, tokens: 18, yAt: 10 },
  { name: 'f32 scales and zero points', weights: int4(128, 'F32', true), outputs: 70, cols: 384, tokens: 17 },
  { name: 'full tiles', weights: int4(128), outputs: 128, cols: 256, tokens: 32 },
  { name: 'Scout k_proj, a block', weights: int4(128), outputs: 1024, cols: 5120, tokens: 32, bench: true },
  { name: 'residual', weights: int4(32), outputs: 100, cols: 96, tokens: 20, add: true },
  { name: 'SwiGLU of an odd width', weights: int4(64), outputs: 35, cols: 128, tokens: 19, swiglu: true },
  {
    name: 'experts, SwiGLU',
    weights: int4(64, 'BF16', true),
    outputs: 40,
    cols: 128,
    tokens: 50,
    swiglu: true,
    experts: { total: 4, first: 0, count: 4 },
  },
  {
    name: 'Maverick: more experts than tokens',
    weights: int4(64, 'BF16', true),
    outputs: 20,
    cols: 64,
    tokens: 30,
    swiglu: true,
    experts: { total: 128, first: 0, count: 128 },
  },
  {
    name: 'experts, residual',
    weights: int4(32),
    outputs: 72,
    cols: 64,
    tokens: 64,
    add: true,
    experts: { total: 3, first: 0, count: 3 },
  },
  {
    name: 'a shard of the experts',
    weights: int4(32),
    outputs: 33,
    cols: 64,
    tokens: 45,
    add: true,
    experts: { total: 6, first: 2, count: 3 },
  },
  {
    name: 'experts of more than a tile, whose stack holds the shared expert too, in three buffers',
    weights: int4(64),
    outputs: 70,
    cols: 192,
    tokens: 150,
    add: true,
    experts: { total: 4, first: 0, count: 5 },
    shards: [2, 2, 1],
  },
  {
    name: 'the shared expert of a stack, SwiGLU',
    weights: int4(32, 'F16', true),
    outputs: 67,
    cols: 96,
    tokens: 70,
    swiglu: true,
    experts: { total: 4, first: 0, count: 5 },
    part: 'shared',
  },
  {
    name: 'the shared expert beside others in the second buffer, residual',
    weights: int4(64, 'BF16', true),
    outputs: 35,
    cols: 128,
    tokens: 9,
    add: true,
    experts: { total: 4, first: 0, count: 5 },
    part: 'shared',
    shards: [3, 2],
  },
];
