/** y = W x for one token, dense or routed: picks the kernel by the variant and the storage. */
import type { Variant } from '../gpu/kernel.ts';
import { type Cost, foldGrid, type Recorder } from '../gpu/plan.ts';
import { pick } from './by-storage.ts';
import { type LinearRequest, routed } from './linear.ts';
import { type GpuMatrix, type Shard, storageOverrides } from './matrix.ts';
import { MATVEC_KERNELS } from './matvec-kernels.ts';
import type { KernelOptions } from './variants.ts';

/** Of a workgroup where threads share rows. */
const LANES_THREADS = 64;

/** PART in shaders/shared/matvec.wgsl. */
const PARTS = { shared: 0, routed: 1, both: 2 } as const;

/** One dispatch for every group of shards that a kernel can bind. */
export function matvec(recorder: Recorder, options: KernelOptions, request: LinearRequest): void {
  const { label, matrix, x, y, yAt = 0, epilogue = 'store', part = 'routed', norm } = request;
  if (part === 'both' && (epilogue === 'store' || (epilogue === 'add' && norm)))
    throw new Error(`${label}: both parts of a stack are for swiglu, or for add without a norm`);
  const { cols } = matrix;
  const shape = shapeOf(options, request);
  const columnsOfGroups = part === 'both' && epilogue === 'swiglu' ? 2 : 1;
  for (const shards of shardGroups(matrix, options.matvec.maxShards)) {
    const [first, second = first, third = first] = shards as [Shard, Shard?, Shard?];
    const { layout, outputs } = first;
    const groups = Math.ceil(outputs / shape.outputsPerGroup) * columnsOfGroups;
    recorder.dispatch({
      label,
      variant: variantOf(options, request, { ...shape.overrides, SHARDS: shards.length }),
      buffers: {
        routes: request.routing.routes,
        blob0: first.buffer,
        blob1: second.buffer,
        blob2: third.buffer,
        x,
        norm: norm?.weight ?? x,
        y,
      },
      params: {
        outputs,
        cols,
        scales_at: layout.scalesAt,
        zeros_at: layout.zerosAt,
        order_at: layout.orderAt,
        y_at: yAt + first.firstOutput,
        y_part: matrix.outputs,
        first_slot: first.firstExpert,
        num_slots: slotsOf(shards),
        shard_slots: first.numExperts,
        slot_stride: layout.length,
        shared_slot: matrix.numExperts ?? 0,
        eps: norm?.eps ?? 0,
      },
      grid: foldGrid(groups, 1),
      cost: () => costOf(request, shards),
    });
  }
}

interface Shape {
  readonly overrides: Record<string, number>;
  readonly outputsPerGroup: number;
}

/** How many threads share what. */
function shapeOf({ matvec: { outline, lanes, int8 } }: KernelOptions, request: LinearRequest): Shape {
  const outputsPerThread = request.epilogue === 'swiglu' ? 2 : 4;
  if (outline === 'lanes')
    return { overrides: { LANES: lanes }, outputsPerGroup: (LANES_THREADS / lanes) * outputsPerThread };
  const overrides = { THREADS: lanes, LANES: lanes, ...rowsInt4Overrides(request.matrix, int8) };
  return { overrides, outputsPerGroup: lanes * outputsPerThread };
}

/** Of shaders/shared/rows-int4.wgsl. */
function rowsInt4Overrides({ storage, cols }: GpuMatrix, int8: boolean): Record<string, number> {
  if (storage.kind !== 'int4' || storage.ordered) return {};
  const pairs = storage.scale !== 'F32' && (cols / storage.groupSize) % 2 === 0;
  return { PAIRS: pairs ? 1 : 0, INT8: int8 ? 1 : 0 };
}

function variantOf(
  { elem, matvec: { outline, subgroups, int8 } }: KernelOptions,
  { matrix, epilogue, part = 'routed', norm }: LinearRequest,
  own: Record<string, number>,
): Variant {
  const kernel = pick(MATVEC_KERNELS[outline][subgroups ? 'subgroup' : 'plain'][int8 ? 'int8' : elem], matrix.storage);
  const overrides = {
    ...storageOverrides(matrix.storage),
    SWIGLU: epilogue === 'swiglu' ? 1 : 0,
    ADD: epilogue === 'add' ? 1 : 0,
    EXPERT: routed(matrix) ? 1 : 0,
    PART: PARTS[part],
    NORM: norm ? (outline === 'lanes' && elem === 'f16' ? 2 : 1) : 0,
    ...own,
  };
  return { kernel, overrides, elem, subgroups };
}

/** What one dispatch can bind. */
const MOST_SHARDS = 3;

/**
 * A stack's shards in groups: of three where that makes one dispatch of it, else of up to `max`; where they are cut by
 * outputs, each by itself.
 */
function shardGroups(matrix: GpuMatrix, max: number): readonly (readonly Shard[])[] {
  const { shards, outputs } = matrix;
  const whole = routed(matrix) && shards.every((shard) => shard.outputs === outputs);
  const per = !whole ? 1 : shards.length <= MOST_SHARDS ? MOST_SHARDS : max;
  return Array.from({ length: Math.ceil(shards.length / per) }, (_, at) => shards.slice(at * per, (at + 1) * per));
}

function slotsOf(shards: readonly Shard[]): number {
  return shards.reduce((sum, { numExperts }) => sum + numExperts, 0);
}

/** Of a stack, one routed blob is shared out evenly over the dispatches, since which it will be is not known. */
function costOf({ matrix, epilogue, part = 'routed', norm }: LinearRequest, shards: readonly Shard[]): Cost {
  const { cols, paired, numExperts = 1 } = matrix;
  const { firstExpert, outputs, layout } = shards[0]!;
  const slots = slotsOf(shards);
  const hasShared = matrix.shared && firstExpert + slots > numExperts;
  const share = (slots - (hasShared ? 1 : 0)) / numExperts;
  const blobs = (part === 'shared' ? 0 : share) + (part !== 'routed' && hasShared ? 1 : 0);
  const inputs = cols * (norm ? 2 : 1);
  const written = outputs * (epilogue === 'add' ? 2 : 1);
  return {
    bytes: 4 * blobs * (layout.length + inputs + written),
    flops: 2 * cols * outputs * (paired ? 2 : 1) * blobs,
  };
}
