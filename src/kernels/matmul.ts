/** Y = X W^T for a block of tokens, dense or grouped by expert: picks the kernel by the storage. */
import type { Kernel } from '../gpu/kernel.ts';
import type { At, Grid, Recorder } from '../gpu/plan.ts';
import { type ByStorage, pick } from './by-storage.ts';
import { type LinearRequest, routed, shardCost, shardParams, variantOf } from './linear.ts';
import { matmulFloat } from './matmul-float.ts';
import { matmulInt4 } from './matmul-int4.ts';
import { matmulPacked } from './matmul-packed.ts';
import { numTiles } from './tiles.ts';
import type { KernelOptions } from './variants.ts';

const TILE_THREADS = 64; // threads across the outputs of a tile

const MATMUL: ByStorage<Kernel> = { float: matmulFloat, int4: matmulInt4, ...matmulPacked };

export function matmul(recorder: Recorder, options: KernelOptions, request: LinearRequest): void {
  const { label, matrix, state, routing, x, y, yAt = 0, yCols = matrix.outputs } = request;
  const kernel = pick(MATMUL, matrix.storage);
  const outputsPerGroup = TILE_THREADS * (request.epilogue === 'swiglu' ? 2 : 4);
  for (const shard of matrix.shards) {
    recorder.dispatch({
      label,
      variant: variantOf(kernel, { ...options, subgroups: false }, request, { GROUPED: routed(matrix) ? 1 : 0 }),
      buffers: { state, ...routing, blob: shard.buffer, x, y },
      params: shardParams(kernel, matrix, shard, { y_at: yAt + shard.firstOutput, y_cols: yCols }),
      grid: ({ rows }: At): Grid => [
        Math.ceil(shard.outputs / outputsPerGroup),
        numTiles(rows, matrix.numExperts ?? 0),
        1,
      ],
      cost: ({ rows }) => shardCost(request, shard, rows),
    });
  }
}
