/** What the projections y = W x have in common: the request, and what it costs. matvec.ts is for one token, matmul.ts for a block. */
import type { Kernel, Variant } from '../gpu/kernel.ts';
import type { Cost } from '../gpu/plan.ts';
import { declared } from './by-storage.ts';
import { type GpuMatrix, type Shard, storageOverrides } from './matrix.ts';
import type { KernelOptions } from './variants.ts';

/** Which expert each token of the run goes to. Bound, but not read, where the matrix is not routed. */
export interface Routing {
  readonly routes: GPUBuffer; // [rows] expert u32, score f32
  readonly order: GPUBuffer; // [rows] u32
  readonly tiles: GPUBuffer; // [numTiles] expert, first, rows: u32
}

export interface LinearRequest {
  /** What it is in the model, for accounting. */
  readonly label: string;
  readonly state: GPUBuffer;
  readonly routing: Routing;
  readonly matrix: GpuMatrix;
  readonly x: GPUBuffer; // [rows, matrix.cols] f32; part 'both' with 'add': [1, 2 * matrix.cols]
  readonly y: GPUBuffer; // [rows, yCols] f32; part 'both' with 'swiglu': [1, 2 * matrix.outputs]
  /** Columns of y; default matrix.outputs. */
  readonly yCols?: number;
  /** First column of y that is written; default 0. */
  readonly yAt?: number;
  /** 'add': y += W x; 'swiglu': the matrix is paired, y = silu(gate) * up. */
  readonly epilogue?: 'store' | 'add' | 'swiglu';
  /** For one token only: x is the residual stream, normalized on the way in: x / rms(x) * weight. */
  readonly norm?: { readonly weight: GPUBuffer; readonly eps: number } | undefined; // weight [cols] f32
  /**
   * Of a stack: each token's own expert (default), the shared expert that lies behind the routed ones, or, for one token
   * only, both: with 'swiglu' the shared expert's outputs and then the routed one's; with 'add' the sum of both products,
   * x being the shared expert's input and then the routed one's.
   */
  readonly part?: 'routed' | 'shared' | 'both' | undefined;
}

export function routed(matrix: GpuMatrix): boolean {
  return matrix.numExperts !== undefined;
}

export function variantOf(
  kernel: Kernel,
  options: KernelOptions,
  { matrix, epilogue = 'store' }: LinearRequest,
  own: Record<string, number>,
): Variant {
  const epilogues = { SWIGLU: epilogue === 'swiglu' ? 1 : 0, ADD: epilogue === 'add' ? 1 : 0 };
  const overrides = { ...storageOverrides(matrix.storage), ...epilogues, ...own };
  return { kernel, overrides, elem: options.elem, subgroups: options.subgroups };
}

export function shardParams(
  kernel: Kernel,
  { cols }: GpuMatrix,
  { outputs, firstExpert, numExperts, layout }: Shard,
  own: Record<string, number>,
): Record<string, number> {
  const stack = { first_expert: firstExpert, num_experts: numExperts, expert_stride: layout.length };
  return declared(kernel, layout, { outputs, cols, ...stack, ...own });
}

/**
 * What one shard's share of a projection costs. Of a stack each token meets one expert, and a block as many as it has
 * tokens, or all; both are shared out evenly over the shards, since which it will be is not known.
 */
export function shardCost({ matrix, epilogue }: LinearRequest, shard: Shard, rows: number): Cost {
  const { cols, paired, numExperts = 1 } = matrix;
  const share = shard.numExperts / numExperts;
  const blobs = Math.min(rows, numExperts) * share;
  const written = rows * share * shard.outputs * 4 * (epilogue === 'add' ? 2 : 1);
  return {
    bytes: blobs * shard.layout.length * 4 + rows * share * cols * 4 + written,
    flops: 2 * cols * shard.outputs * (paired ? 2 : 1) * rows * share,
  };
}
