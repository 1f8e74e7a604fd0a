import type { FloatDtype } from '../kernels/matrix.ts';
import type { EmbedCase } from './lookup.ts';

const int4 = (groupSize: number, scale: FloatDtype, asymmetric: boolean) =>
  ({ kind: 'int4', groupSize, scale, asymmetric, ordered: false }) as const;

/** Oracle: embedData in lookup.ts. */
export const cases: readonly EmbedCase[] = [
  { name: 'one id', weights: int4(32, 'BF16', false), vocabulary: 7, cols: 32, rows: 1 },
  { name: 'a block', weights: int4(64, 'F16', false), vocabulary: 90, cols: 576, rows: 37 },
  {
    name: 'zero points',
    weights: int4(128, 'BF16', true),
    vocabulary: 61,
    cols: 384,
    rows: 33,
  },
  { name: 'f32 scales', weights: int4(32, 'F32', true), vocabulary: 20, cols: 96, rows: 9 },
  {
    name: 'a later shard',
    weights: int4(32, 'BF16', true),
    vocabulary: 90,
    cols: 64,
    rows: 40,
    shard: { first: 32, count: 24 },
  },
];
