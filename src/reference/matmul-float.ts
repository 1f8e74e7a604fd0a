import type { FloatDtype } from '../kernels/matrix.ts';
import type { ProjectionCase } from './projection.ts';

const stored = (element: FloatDtype) => ({ kind: 'float', element }) as const;

/** Oracle: projectionData in projection.ts. */
export const cases: readonly ProjectionCase[] = [
  { name: 'one token, one row, one step', weights: stored('BF16'), outputs: 1, cols: 8, tokens: 1, f16: true },
  { name: 'full tiles', weights: stored('BF16'), outputs: 128, cols: 256, tokens: 32, f16: true },
  { name: 'Scout router, a block', weights: stored('BF16'), outputs: 16, cols: 5120, tokens: 64 },
  { name: 'Scout k_proj, a block', weights: stored('BF16'), outputs: 1024, cols: 5120, tokens: 32, bench: true },
  { name: 'a ragged tile of tokens and rows, f16', weights: stored('F16'), outputs: 37, cols: 200, tokens: 5 },
  { name: 'columns beside others', weights: stored('F16'), outputs: 30, cols: 128, tokens: 18, yAt: 10 },
  { name: 'tiles that overhang both ways, f32', weights: stored('F32'), outputs: 67, cols: 168, tokens: 33 },
  { name: 'residual', weights: stored('BF16'), outputs: 100, cols: 96, tokens: 20, add: true },
  { name: 'SwiGLU of an odd width', weights: stored('BF16'), outputs: 35, cols: 128, tokens: 19, swiglu: true },
  {
    name: 'experts, SwiGLU',
    weights: stored('BF16'),
    outputs: 40,
    cols: 128,
    tokens: 50,
    swiglu: true,
    experts: { total: 4, first: 0, count: 4 },
  },
  {
    name: 'experts, residual, f32',
    weights: stored('F32'),
    outputs: 72,
    cols: 64,
    tokens: 64,
    add: true,
    experts: { total: 3, first: 0, count: 3 },
  },
  {
    name: 'a shard of the experts',
    weights: stored('F32'),
    outputs: 33,
    cols: 64,
    tokens: 45,
    add: true,
    experts: { total: 6, first: 2, count: 3 },
  },
];
