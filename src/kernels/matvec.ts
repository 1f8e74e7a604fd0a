/** y = W x for one token, dense or routed: picks the kernel by the storage. */
import type { Kernel } from '../gpu/kernel.ts';
import { foldGrid, type Recorder } from '../gpu/plan.ts';
import { type ByStorage, pick } from './by-storage.ts';
import { type LinearRequest, routed, shardCost, shardParams, variantOf } from './linear.ts';
import { matvecFloat, matvecFloatSubgroup } from './matvec-float.ts';
import { matvecInt4, matvecInt4Subgroup } from './matvec-int4.ts';
import { matvecPacked, matvecPackedSubgroup } from './matvec-packed.ts';
import type { KernelOptions } from './variants.ts';

const MATVEC: ByStorage<Kernel> = { float: matvecFloat, int4: matvecInt4, ...matvecPacked };
const MATVEC_SUBGROUP: ByStorage<Kernel> = {
  float: matvecFloatSubgroup,
  int4: matvecInt4Subgroup,
  ...matvecPackedSubgroup,
};

export function matvec(recorder: Recorder, options: KernelOptions, request: LinearRequest): void {
  const { label, matrix, x, y, yAt = 0 } = request;
  const kernel = pick(options.subgroups ? MATVEC_SUBGROUP : MATVEC, matrix.storage);
  const outputsPerGroup = (64 / options.lanes) * (request.epilogue === 'swiglu' ? 2 : 4);
  for (const shard of matrix.shards) {
    recorder.dispatch({
      label,
      variant: variantOf(kernel, options, request, { LANES: options.lanes, EXPERT: routed(matrix) ? 1 : 0 }),
      buffers: { routes: request.routing.routes, blob: shard.buffer, x, y },
      params: shardParams(kernel, matrix, shard, { y_at: yAt + shard.firstOutput }),
      grid: foldGrid(shard.outputs, outputsPerGroup),
      cost: ({ rows }) => shardCost(request, shard, rows),
    });
  }
}
