import type { FloatDtype } from '../kernels/matrix.ts';
import { type ProjectionCase, stackCases } from './projection.ts';

const stored = (element: FloatDtype) => ({ kind: 'float', element }) as const;

/** Oracle: projectionData in projection.ts. */
export const cases: readonly ProjectionCase[] = [
  { name: 'one row, one step', weights: stored('BF16'), outputs: 1, cols: 8, f16: true },
  { name: 'ragged grid', weights: stored('BF16'), outputs: 257, cols: 1024, f16: true },
  { name: 'Scout k_proj', weights: stored('BF16'), outputs: 1024, cols: 5120, bench: true },
  { name: 'Scout router', weights: stored('BF16'), outputs: 16, cols: 5120 },
  { name: 'Scout lm_head rows', weights: stored('BF16'), outputs: 202_048, cols: 8 },
  { name: "rows that are no multiple of a thread's four, f16", weights: stored('F16'), outputs: 7, cols: 40 },
  { name: 'columns beside others', weights: stored('F16'), outputs: 30, cols: 256, yAt: 12 },
  { name: 'f32, steps that are no multiple of the lanes', weights: stored('F32'), outputs: 37, cols: 328 },
  { name: 'residual', weights: stored('BF16'), outputs: 130, cols: 512, add: true },
  { name: 'residual, f32', weights: stored('F32'), outputs: 130, cols: 264, add: true },
  { name: 'SwiGLU of an odd width', weights: stored('BF16'), outputs: 33, cols: 160, swiglu: true },
  {
    name: 'an expert, SwiGLU',
    weights: stored('BF16'),
    outputs: 48,
    cols: 128,
    swiglu: true,
    experts: { total: 4, first: 0, count: 4 },
  },
  {
    name: 'an expert of a later shard, residual',
    weights: stored('F32'),
    outputs: 40,
    cols: 256,
    add: true,
    experts: { total: 3, first: 1, count: 2 },
  },
  {
    name: 'an expert of another shard leaves y alone',
    weights: stored('F32'),
    outputs: 40,
    cols: 64,
    add: true,
    experts: { total: 1, first: 1, count: 2 },
  },
  { name: 'normalized', weights: stored('BF16'), outputs: 37, cols: 1048, norm: true, f16: true },
  ...stackCases(stored('BF16'), stored('F32')).filter(({ shards }) => shards?.length === 3),
];
