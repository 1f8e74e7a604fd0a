import type { Numbers } from './numbers.ts';
import { seeded } from './random.ts';

/**
 * Joins partial softmax sums. Each partial is sum_i exp(s_i - m) v_i [headDim], then m, then sum_i exp(s_i - m).
 * partials [count, headDim + 2] -> [headDim]
 */
export function mergePartials(partials: Numbers, headDim: number): Float64Array {
  const stride = headDim + 2;
  const merged = new Float64Array(headDim);
  let highest = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < partials.length; at += stride) highest = Math.max(highest, partials[at + headDim]!);
  let total = 0;
  for (let at = 0; at < partials.length; at += stride) {
    const weight = Math.exp(partials[at + headDim]! - highest);
    total += weight * partials[at + headDim + 1]!;
    for (let dim = 0; dim < headDim; dim++) merged[dim]! += weight * partials[at + dim]!;
  }
  return merged.map((value) => value / total);
}

/** Partial results of one token, at some position, in the kernel's layout. */
export interface AttentionMergeCase {
  readonly name: string;
  readonly heads: number;
  readonly headDim: number;
  /** Absolute position of the token. */
  readonly position: number;
  /** Undefined: not chunked. */
  readonly chunk?: number;
  /** Keys per partial result. */
  readonly piece: number;
  readonly maxPartials: number;
}

/** Partial results that the token has. */
function countPartials({ position, chunk = Number.POSITIVE_INFINITY, piece }: AttentionMergeCase): number {
  return Math.floor((position % chunk) / piece) + 1;
}

/** partials [heads, maxPartials, headDim + 2], of which the unused are NaN; expected [heads, headDim] */
export function attentionMergeData(testCase: AttentionMergeCase) {
  const { name, heads, headDim, maxPartials } = testCase;
  const random = seeded(name);
  const stride = headDim + 2;
  const partials = new Float32Array(heads * maxPartials * stride).fill(Number.NaN);
  const expected = new Float64Array(heads * headDim);
  for (let head = 0; head < heads; head++) {
    const own = partials.subarray(head * maxPartials * stride).subarray(0, countPartials(testCase) * stride);
    own.set(random.normals(own.length));
    for (let at = headDim; at < own.length; at += stride) {
      own[at] = random.normal() * 20; // maxima far apart: some partials count for nothing
      own[at + 1] = 1 + random.uniform() * 100;
    }
    expected.set(mergePartials(own, headDim), head * headDim);
  }
  return { partials, expected };
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly AttentionMergeCase[] = [
  { name: 'one partial', heads: 2, headDim: 32, position: 3, chunk: 32, piece: 16, maxPartials: 2 },
  {
    name: 'several of a chunk',
    heads: 5,
    headDim: 64,
    position: 31 + 2 * 96,
    chunk: 96,
    piece: 8,
    maxPartials: 12,
  },
  { name: 'several of segments', heads: 3, headDim: 128, position: 200, piece: 32, maxPartials: 9 },
  { name: 'a wide head', heads: 2, headDim: 256, position: 70, piece: 8, maxPartials: 16 },
  { name: 'a head of no power of two', heads: 3, headDim: 200, position: 77, piece: 16, maxPartials: 5 },
];
