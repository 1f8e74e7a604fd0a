/**
 * What the projection kernels share: one oracle, one kind of case, one way to make data. A projection is
 * Y = X W^T for some tokens, where W is one matrix, or each token's own expert out of a stack, of which a binding holds
 * a shard; then optionally SwiGLU over the two halves of the rows, and a residual.
 */
import type { Storage } from '../kernels/matrix.ts';
import { linear, swiglu } from './linear.ts';
import type { Matrix, Numbers } from './numbers.ts';
import { type Random, seeded } from './random.ts';
import { randomMatrix } from './random-matrix.ts';
import type { StoredShape } from './stored.ts';

/** One projection of some tokens: its weights, its shape and its epilogue. */
export interface ProjectionCase {
  readonly name: string;
  readonly weights: Storage;
  /** Columns of y that are written: the rows of W, or half of them with `swiglu`. */
  readonly outputs: number;
  readonly cols: number;
  /** Default 1. */
  readonly tokens?: number;
  /** W is gate rows, then up rows. */
  readonly swiglu?: boolean;
  /** y += W x */
  readonly add?: boolean;
  /** First column that is written; as many again follow it, untouched. Default 0. */
  readonly yAt?: number;
  /** A shard: experts first .. first + count - 1 of `total`. */
  readonly experts?: { readonly total: number; readonly first: number; readonly count: number };
  /** Also with f16 activations inside the products. */
  readonly f16?: boolean;
  /** Also a row of the bench page. */
  readonly bench?: boolean;
}

/** Buffers of a case, named as in the WGSL, and what y holds afterwards. */
export interface ProjectionData {
  readonly blob: Uint32Array;
  /** Words from one expert's blob to the next. */
  readonly expertStride: number;
  /** [tokens, cols] */
  readonly x: Float32Array;
  /** [tokens, yCols], before. */
  readonly y: Float32Array;
  readonly yCols: number;
  /** Expert of each token; zeros without experts. [tokens] */
  readonly experts: Uint32Array;
  /** Score of each token; ones without experts. [tokens] */
  readonly scores: Float32Array;
  /** [tokens, yCols], after. */
  readonly expected: Float64Array;
}

/** Makes a case's data, seeded by its name, and computes what must come out. */
export function projectionData(testCase: ProjectionCase): ProjectionData {
  const { outputs, cols, tokens = 1, swiglu: gated = false, yAt = 0, experts } = testCase;
  const random = seeded(testCase.name);
  const rows = gated ? 2 * outputs : outputs;
  const shape = { rows, cols, paired: gated, deviation: 1 / Math.sqrt(cols) }; // so that outputs have about 1
  const stack = randomStack(random, testCase.weights, shape, experts?.count ?? 1);
  const yCols = yAt === 0 ? outputs : 2 * yAt + outputs;
  const y = random.normals(tokens * yCols);
  const x = random.normals(tokens * cols);
  const chosen = new Uint32Array(tokens).map(() => random.below(experts?.total ?? 1));
  const scores = new Float32Array(tokens).map(() => (experts ? 0.2 + 0.8 * random.uniform() : 1));
  const expected = Float64Array.from(y);
  for (let token = 0; token < tokens; token++) {
    const weights = stack.matrices[chosen[token]! - (experts?.first ?? 0)];
    if (!weights) continue; // another shard's
    const at = token * yCols + yAt;
    const row = x.subarray(token * cols, (token + 1) * cols);
    const residual = testCase.add ? y.subarray(at, at + outputs) : undefined;
    expected.set(gated ? gatedProjection(weights, row, scores[token]!, residual) : linear(weights, row, residual), at);
  }
  return { ...stack, x, y, yCols, experts: chosen, scores, expected };
}

/** swiglu of the two halves of W x for one token. weights [2 * outputs, cols], x [cols] -> [outputs] */
function gatedProjection(weights: Matrix, x: Numbers, score: number, residual: Numbers | undefined): Float64Array {
  const products = linear(weights, x);
  const half = products.length / 2;
  const gated = swiglu(products.subarray(0, half), products.subarray(half), Float64Array.of(score));
  return residual ? gated.map((value, at) => value + residual[at]!) : gated;
}

interface Stack extends Pick<ProjectionData, 'blob' | 'expertStride'> {
  readonly matrices: readonly Matrix[];
}

/** `count` random matrices in one buffer, and what they mean. */
function randomStack(random: Random, storage: Storage, shape: StoredShape, count: number): Stack {
  const stored = Array.from({ length: count }, () => randomMatrix(random, storage, shape));
  const expertStride = Math.ceil(stored[0]!.blob.length / 4) * 4;
  const blob = new Uint32Array(count * expertStride);
  for (const [expert, one] of stored.entries()) blob.set(one.blob, expert * expertStride);
  return { blob, expertStride, matrices: stored.map(({ matrix }) => matrix) };
}
