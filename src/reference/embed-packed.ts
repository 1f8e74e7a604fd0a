import type { FloatDtype } from '../kernels/matrix.ts';
import type { EmbedCase } from './lookup.ts';

const affine = (bits: 4 | 8, groupSize: number, scale: FloatDtype = 'BF16') =>
  ({ kind: 'affine', bits, groupSize, scale }) as const;
const fp8 = (groupSize: number, scale: FloatDtype = 'BF16') => ({ kind: 'fp8', groupSize, scale }) as const;
const nvfp4 = { kind: 'nvfp4' } as const;
const nf4 = { kind: 'nf4' } as const;
const ordered = (groupSize: number, scale: FloatDtype, asymmetric: boolean) =>
  ({ kind: 'int4', groupSize, scale, asymmetric, ordered: true }) as const;

/** Oracle: embedData in lookup.ts. */
export const cases: readonly EmbedCase[] = [
  { name: 'affine, 4 bits', weights: affine(4, 64), vocabulary: 41, cols: 576, rows: 37 },
  { name: 'affine, 8 bits, f16', weights: affine(8, 32, 'F16'), vocabulary: 23, cols: 96, rows: 9 },
  { name: 'affine, f32 scales', weights: affine(4, 32, 'F32'), vocabulary: 20, cols: 96, rows: 9 },
  {
    name: 'affine, a group of 24 columns, a ragged last one',
    weights: affine(8, 24),
    vocabulary: 9,
    cols: 40,
    rows: 9,
  },
  {
    name: 'affine, a later shard',
    weights: affine(8, 64),
    vocabulary: 90,
    cols: 64,
    rows: 40,
    shard: { first: 30, count: 25 },
  },
  { name: 'fp8, every code, a scale a row', weights: fp8(1032), vocabulary: 9, cols: 1032, rows: 20 },
  { name: 'fp8, f16, blocks that end inside the row', weights: fp8(128, 'F16'), vocabulary: 31, cols: 328, rows: 12 },
  { name: 'fp8, f32 scales', weights: fp8(128, 'F32'), vocabulary: 11, cols: 256, rows: 12 },
  { name: 'nvfp4, subnormal scales', weights: nvfp4, vocabulary: 47, cols: 352, rows: 50 },
  { name: 'nf4, blocks that straddle rows', weights: nf4, vocabulary: 47, cols: 72, rows: 50 },
  { name: 'nf4, whole blocks', weights: nf4, vocabulary: 33, cols: 320, rows: 35 },
  { name: 'int4 in order of activation', weights: ordered(32, 'BF16', false), vocabulary: 21, cols: 160, rows: 30 },
  { name: 'the same with zero points', weights: ordered(64, 'F32', true), vocabulary: 21, cols: 192, rows: 30 },
];
