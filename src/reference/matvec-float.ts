import type { ProjectionCase } from './projection.ts';
import type { FloatType } from './stored.ts';

const stored = (type: FloatType) => ({ kind: 'float', type }) as const;

/** Oracle: projectionData in projection.ts. */
export const cases: readonly ProjectionCase[] = [
  { name: 'one row, one step', weights: stored('bf16'), outputs: 1, cols: 8, f16: true },
  { name: 'ragged grid', weights: stored('bf16'), outputs: 257, cols: 1024, f16: true },
  { name: 'Scout k_proj', weights: stored('bf16'), outputs: 1024, cols: 5120, bench: true },
  { name: 'Scout router', weights: stored('bf16'), outputs: 16, cols: 5120 },
  { name: 'Scout lm_head rows', weights: stored('bf16'), outputs: 202_048, cols: 8 },
  { name: "rows that are no multiple of a thread's four, f16", weights: stored('f16'), outputs: 7, cols: 40 },
  { name: 'columns beside others', weights: stored('f16'), outputs: 30, cols: 256, yAt: 12 },
  { name: 'f32, steps that are no multiple of the lanes', weights: stored('f32'), outputs: 37, cols: 328 },
  { name: 'residual', weights: stored('bf16'), outputs: 130, cols: 512, add: true },
  { name: 'residual, f32', weights: stored('f32'), outputs: 130, cols: 264, add: true },
  { name: 'SwiGLU of an odd width', weights: stored('bf16'), outputs: 33, cols: 160, swiglu: true },
  {
    name: 'an expert, SwiGLU',
    weights: stored('bf16'),
    outputs: 48,
    cols: 128,
    swiglu: true,
    experts: { total: 4, first: 0, count: 4 },
  },
  {
    name: 'an expert of a later shard, residual',
    weights: stored('f32'),
    outputs: 40,
    cols: 256,
    add: true,
    experts: { total: 3, first: 1, count: 2 },
  },
  {
    name: 'an expert of another shard leaves y alone',
    weights: stored('f32'),
    outputs: 40,
    cols: 64,
    add: true,
    experts: { total: 1, first: 1, count: 2 },
  },
];
