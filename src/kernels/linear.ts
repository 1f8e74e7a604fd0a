/** y = W x for one token (matvec) or a block of tokens (matmul), dense or routed: picks the kernel by the storage. */
import type { Kernel } from '../gpu/kernel.ts';
import { type At, foldGrid, type Grid, type Recorder } from '../gpu/plan.ts';
import { type ByStorage, declared, pick } from './by-storage.ts';
import { matmulFloat } from './matmul-float.ts';
import { matmulInt4 } from './matmul-int4.ts';
import { matmulPacked } from './matmul-packed.ts';
import { type GpuMatrix, type Shard, storageOverrides } from './matrix.ts';
import { matvecFloat, matvecFloatSubgroup } from './matvec-float.ts';
import { matvecInt4, matvecInt4Subgroup } from './matvec-int4.ts';
import { matvecPacked, matvecPackedSubgroup } from './matvec-packed.ts';
import { numTiles } from './tiles.ts';
import type { KernelOptions } from './variants.ts';

const TILE_THREADS = 64; // threads across the outputs of a matmul tile

const MATVEC: ByStorage<Kernel> = { float: matvecFloat, int4: matvecInt4, ...matvecPacked };
const MATVEC_SUBGROUP: ByStorage<Kernel> = {
  float: matvecFloatSubgroup,
  int4: matvecInt4Subgroup,
  ...matvecPackedSubgroup,
};
const MATMUL: ByStorage<Kernel> = { float: matmulFloat, int4: matmulInt4, ...matmulPacked };

/** Which expert each token of the run goes to. Bound, but not read, where the matrix is not routed. */
export interface Routing {
  readonly routes: GPUBuffer; // [rows] expert u32, score f32
  readonly order: GPUBuffer; // [rows] u32
  readonly tiles: GPUBuffer; // [numTiles] expert, first, rows: u32
}

export interface LinearRequest {
  readonly state: GPUBuffer;
  readonly routing: Routing;
  readonly matrix: GpuMatrix;
  readonly x: GPUBuffer; // [rows, matrix.cols] f32
  readonly y: GPUBuffer; // [rows, yCols] f32
  /** Columns of y; default matrix.outputs. */
  readonly yCols?: number;
  /** First column of y that is written; default 0. */
  readonly yAt?: number;
  /** 'add': y += W x; 'swiglu': the matrix is paired, y = silu(gate) * up. */
  readonly epilogue?: 'store' | 'add' | 'swiglu';
}

/** For one token. */
export function matvec(recorder: Recorder, options: KernelOptions, request: LinearRequest): void {
  const { matrix, x, y, yAt = 0 } = request;
  const kernel = pick(options.subgroups ? MATVEC_SUBGROUP : MATVEC, matrix.storage);
  const outputsPerGroup = (64 / options.lanes) * (request.epilogue === 'swiglu' ? 2 : 4);
  for (const shard of matrix.shards) {
    recorder.dispatch({
      variant: variantOf(kernel, options, request, { LANES: options.lanes, EXPERT: routed(matrix) ? 1 : 0 }),
      buffers: { routes: request.routing.routes, blob: shard.buffer, x, y },
      params: shardParams(kernel, matrix, shard, { y_at: yAt + shard.firstOutput }),
      grid: foldGrid(shard.outputs, outputsPerGroup),
      flopsPerRow: flopsOf(matrix, shard),
    });
  }
}

/** For a block of tokens. `maxTiles`: tiles that the routing may need, see `numTiles`. */
export function matmul(recorder: Recorder, options: KernelOptions, request: LinearRequest): void {
  const { matrix, state, routing, x, y, yAt = 0, yCols = matrix.outputs } = request;
  const kernel = pick(MATMUL, matrix.storage);
  const outputsPerGroup = TILE_THREADS * (request.epilogue === 'swiglu' ? 2 : 4);
  for (const shard of matrix.shards) {
    recorder.dispatch({
      variant: variantOf(kernel, { ...options, subgroups: false }, request, { GROUPED: routed(matrix) ? 1 : 0 }),
      buffers: { state, ...routing, blob: shard.buffer, x, y },
      params: shardParams(kernel, matrix, shard, { y_at: yAt + shard.firstOutput, y_cols: yCols }),
      grid: ({ rows }: At): Grid => [
        Math.ceil(shard.outputs / outputsPerGroup),
        numTiles(rows, matrix.numExperts ?? 0),
        1,
      ],
      flopsPerRow: flopsOf(matrix, shard),
    });
  }
}

function routed(matrix: GpuMatrix): boolean {
  return matrix.numExperts !== undefined;
}

function variantOf(
  kernel: Kernel,
  options: KernelOptions,
  { matrix, epilogue = 'store' }: LinearRequest,
  own: Record<string, number>,
) {
  const epilogues = { SWIGLU: epilogue === 'swiglu' ? 1 : 0, ADD: epilogue === 'add' ? 1 : 0 };
  const overrides = { ...storageOverrides(matrix.storage), ...epilogues, ...own };
  return { kernel, overrides, elem: options.elem, subgroups: options.subgroups };
}

function shardParams(
  kernel: Kernel,
  { cols }: GpuMatrix,
  { outputs, firstExpert, numExperts, layout }: Shard,
  own: Record<string, number>,
): Record<string, number> {
  const stack = { first_expert: firstExpert, num_experts: numExperts, expert_stride: layout.length };
  return declared(kernel, layout, { outputs, cols, ...stack, ...own });
}

/** Two per multiply-add, of the one expert that a token meets, shared out over the stack's shards. */
function flopsOf({ cols, paired, numExperts = 1 }: GpuMatrix, shard: Shard): number {
  return (2 * cols * shard.outputs * (paired ? 2 : 1) * shard.numExperts) / numExperts;
}
