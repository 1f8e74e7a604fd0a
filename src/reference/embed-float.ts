import type { FloatDtype } from '../kernels/matrix.ts';
import type { EmbedCase } from './lookup.ts';

const stored = (element: FloatDtype) => ({ kind: 'float', element }) as const;

/** Oracle: embedData in lookup.ts. */
export const cases: readonly EmbedCase[] = [
  { name: 'one id, bf16', weights: stored('BF16'), vocabulary: 7, cols: 8, rows: 1 },
  { name: 'a block, f16', weights: stored('F16'), vocabulary: 100, cols: 520, rows: 37 },
  { name: 'a block, f32', weights: stored('F32'), vocabulary: 50, cols: 264, rows: 20 },
  {
    name: 'a later shard, bf16',
    weights: stored('BF16'),
    vocabulary: 90,
    cols: 64,
    rows: 40,
    shard: { first: 30, count: 25 },
  },
  { name: 'Scout hidden, bf16', weights: stored('BF16'), vocabulary: 300, cols: 5120, rows: 3 },
];
