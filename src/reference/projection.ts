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
import { rmsNorm } from './rms-norm.ts';
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
  /** A shard: experts first .. first + count - 1 of `total`. The slot `total`, if among them, is the shared expert's. */
  readonly experts?: { readonly total: number; readonly first: number; readonly count: number };
  /** Of a stack, default 'routed'. 'both', for one token: with `swiglu` y is twice as long, with `add` x is. */
  readonly part?: 'routed' | 'shared' | 'both';
  /** Slots of each buffer that the stack is cut into; default all in one. */
  readonly shards?: readonly number[];
  /** x is the residual stream, which is normalized first. */
  readonly norm?: boolean;
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
  /** [tokens, cols]; [2, cols] with part 'both' and `add`. */
  readonly x: Float32Array;
  /** Weight of the norm; ones without. [cols] */
  readonly norm: Float32Array;
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

export const NORM_EPS = 1e-5;

/** Makes a case's data, seeded by its name, and computes what must come out. */
export function projectionData(testCase: ProjectionCase): ProjectionData {
  const { outputs, cols, tokens = 1, swiglu: gated = false, yAt = 0, experts, part, norm: normed } = testCase;
  const random = seeded(testCase.name);
  const rows = gated ? 2 * outputs : outputs;
  const shape = { rows, cols, paired: gated, deviation: 1 / Math.sqrt(cols) }; // so that outputs have about 1
  const stack = randomStack(random, testCase.weights, shape, experts?.count ?? 1);
  const both = part === 'both' ? 2 : 1;
  const width = gated ? both * outputs : outputs;
  const yCols = yAt === 0 ? width : 2 * yAt + width;
  const y = random.normals(tokens * yCols);
  // A residual stream may leave the range of f16.
  const x = random.normals(tokens * (gated ? cols : both * cols), normed ? 3e4 : 1);
  const chosen = new Uint32Array(tokens).map(() => random.below(experts?.total ?? 1));
  const scores = new Float32Array(tokens).map(() => (experts ? 0.2 + 0.8 * random.uniform() : 1));
  const norm = normed ? random.normals(cols).map((value) => 1 + value / 2) : new Float32Array(cols).fill(1);
  const data = { ...stack, x, norm, y, yCols, experts: chosen, scores };
  return { ...data, expected: expectedOf(testCase, data, stack.matrices) };
}

function expectedOf(
  { outputs, cols, tokens = 1, swiglu: gated, add, yAt = 0, experts, part, norm: normed }: ProjectionCase,
  { x, norm, y, yCols, experts: chosen, scores }: Omit<ProjectionData, 'expected'>,
  matrices: readonly Matrix[],
): Float64Array {
  const expected = Float64Array.from(y);
  for (let token = 0; token < tokens; token++) {
    const routedSlot = { slot: chosen[token]!, score: scores[token]! };
    const sharedSlot = { slot: experts?.total ?? 0, score: 1 };
    const slots = part === 'both' ? [sharedSlot, routedSlot] : part === 'shared' ? [sharedSlot] : [routedSlot];
    for (const [at, { slot, score }] of slots.entries()) {
      const weights = matrices[slot - (experts?.first ?? 0)];
      if (!weights) continue; // another shard's
      const xAt = (token + (gated ? 0 : at)) * cols;
      const row = x.subarray(xAt, xAt + cols);
      const input = normed ? rmsNorm(row, cols, NORM_EPS, norm) : row;
      const to = token * yCols + yAt + (gated ? at * outputs : 0);
      const residual = add ? expected.subarray(to, to + outputs) : undefined;
      expected.set(gated ? gatedProjection(weights, input, score, residual) : linear(weights, input, residual), to);
    }
  }
  return expected;
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

/** What a matvec does with a stack whose last slot is the shared expert's: each part, in one buffer and in several. */
export function stackCases(a: Storage, b: Storage): ProjectionCase[] {
  const stack = { total: 4, first: 0, count: 5 };
  const narrow = { outputs: 35, cols: 128, experts: stack };
  return [
    { ...narrow, name: 'the shared expert of a stack', weights: a, swiglu: true, part: 'shared' },
    { ...narrow, name: 'both experts, SwiGLU', weights: a, swiglu: true, part: 'both' },
    { ...narrow, name: 'both experts, residual', weights: a, add: true, part: 'both' },
    {
      ...narrow,
      name: 'both experts in three buffers, SwiGLU',
      weights: b,
      swiglu: true,
      part: 'both',
      shards: [2, 2, 1],
    },
    {
      ...narrow,
      name: 'both experts in three buffers, residual',
      weights: b,
      add: true,
      part: 'both',
      shards: [2, 2, 1],
    },
    {
      ...narrow,
      name: 'both experts in five buffers, residual',
      weights: a,
      add: true,
      part: 'both',
      shards: [1, 1, 1, 1, 1],
    },
    { ...narrow, name: 'the routed expert in two buffers', weights: a, add: true, shards: [3, 2] },
  ];
}
