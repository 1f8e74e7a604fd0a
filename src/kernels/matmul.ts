/** Y = X W^T for a block of tokens, dense or grouped by expert: picks the kernel by the variant and the storage. */
import type { Kernel, Variant } from '../gpu/kernel.ts';
import type { At, Cost, Grid, Recorder } from '../gpu/plan.ts';
import { declared, pick } from './by-storage.ts';
import type { LinearRequest } from './linear.ts';
import { MATMUL_KERNELS } from './matmul-kernels.ts';
import { type GpuMatrix, type Shard, storageOverrides } from './matrix.ts';
import { numTiles, TILE_ROWS } from './tiles.ts';
import type { KernelOptions } from './variants.ts';

/** Weight rows of a workgroup: of all threads together in shaders/matmul-tiles.wgsl, four of each of 32 in matmul-rows.wgsl. */
const WEIGHT_ROWS = 128;

/** What a dispatch takes of a shard. */
interface Share {
  readonly shard: Shard;
  /** Tokens go by the tile table, each to its own expert; otherwise all to one blob. */
  readonly grouped: boolean;
  /** Grouped: routed slots in the shard. Otherwise 1. */
  readonly slots: number;
  /** Place of the one blob in the shard. */
  readonly firstBlob: number;
}

/** One dispatch for each shard that holds what is asked for. @throws Error for 'both' and `norm`, which are for one token */
export function matmul(recorder: Recorder, options: KernelOptions, request: LinearRequest): void {
  const { label, matrix, state, routing, x, y, yAt = 0, yCols = matrix.outputs } = request;
  if (request.part === 'both' || request.norm)
    throw new Error(`${label}: a block takes the parts of a stack one by one, and x normalized`);
  const { tileTokens } = options.matmul;
  const weightRows = WEIGHT_ROWS / (matrix.paired ? 2 : 1);
  for (const share of sharesOf(request)) {
    const { shard, grouped } = share;
    const variant = variantOf(options, request, grouped);
    recorder.dispatch({
      label,
      variant,
      buffers: { state, ...routing, blob: shard.buffer, x, y },
      params: paramsOf(variant.kernel, matrix, share, { y_at: yAt + shard.firstOutput, y_cols: yCols }),
      grid: ({ rows }: At): Grid => [
        Math.ceil(shard.outputs / weightRows),
        grouped ? numTiles(rows, matrix.numExperts!) : Math.ceil(rows / tileTokens),
        1,
      ],
      cost: ({ rows }) => costOf(request, share, rows),
    });
  }
}

function sharesOf({ matrix, part = 'routed' }: LinearRequest): Share[] {
  const { shards, numExperts } = matrix;
  if (numExperts === undefined) return shards.map((shard) => ({ shard, grouped: false, slots: 1, firstBlob: 0 }));
  if (part === 'shared')
    return shards
      .filter(({ firstExpert, numExperts: slots }) => firstExpert + slots > numExperts)
      .map((shard) => ({ shard, grouped: false, slots: 1, firstBlob: numExperts - shard.firstExpert }));
  return shards
    .map((shard) => ({
      shard,
      grouped: true,
      slots: Math.min(shard.numExperts, numExperts - shard.firstExpert),
      firstBlob: 0,
    }))
    .filter(({ slots }) => slots > 0);
}

function variantOf(
  { elem, matmul: { outline, lanes, tileTokens } }: KernelOptions,
  { matrix, epilogue }: LinearRequest,
  grouped: boolean,
): Variant {
  const kernels = MATMUL_KERNELS[lanes === undefined ? outline : 'rows-subgroup'];
  const overrides = {
    ...storageOverrides(matrix.storage),
    SWIGLU: epilogue === 'swiglu' ? 1 : 0,
    ADD: epilogue === 'add' ? 1 : 0,
    ...(outline === 'tiles' ? { THREADS: 4 * (grouped ? TILE_ROWS : tileTokens) } : {}),
    ...(lanes === undefined ? {} : { LANES: lanes }),
  };
  return { kernel: pick(kernels, matrix.storage), overrides, elem, subgroups: lanes !== undefined };
}

function paramsOf(
  kernel: Kernel,
  { cols }: GpuMatrix,
  { shard, grouped, slots, firstBlob }: Share,
  own: Record<string, number>,
): Record<string, number> {
  const { outputs, firstExpert, layout } = shard;
  const stack = {
    grouped: grouped ? 1 : 0,
    first_slot: firstExpert,
    num_slots: slots,
    slot_stride: layout.length,
    first_blob: firstBlob,
  };
  return declared(kernel, layout, { outputs, cols, ...stack, ...own });
}

/**
 * What one dispatch costs. A block of routed tokens meets at most as many experts as it has tokens; which ones is not
 * known, so that tokens and experts are shared out evenly over the slots.
 */
function costOf({ matrix, epilogue }: LinearRequest, { shard, grouped, slots }: Share, rows: number): Cost {
  const { cols, paired, numExperts = 1 } = matrix;
  const part = grouped ? slots / numExperts : 1;
  const blobs = grouped ? Math.min(rows, numExperts) * part : 1;
  const written = rows * part * shard.outputs * 4 * (epilogue === 'add' ? 2 : 1);
  return {
    bytes: blobs * shard.layout.length * 4 + rows * part * cols * 4 + written,
    flops: 2 * cols * shard.outputs * (paired ? 2 : 1) * rows * part,
  };
}
