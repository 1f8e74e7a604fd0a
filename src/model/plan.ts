/**
 * The plan: what a model needs, before its first weight byte is fetched. Pure arithmetic over config and headers, by the same
 * functions that allocate, so every figure is exact.
 */
import type { ModelTensors } from '../checkpoint/model-tensors.ts';
import { OutriderError } from '../errors.ts';
import type { KvDtype } from '../kernels/attention.ts';
import type { ModelConfig } from './config.ts';
import { type Schedule, scheduleLayers } from './irope.ts';
import { bytesToRead, filesOf } from './layout/jobs.ts';
import { layOut, type WeightLayout } from './layout/layout.ts';
import { MatrixJobs } from './layout/matrix-jobs.ts';
import type { Requantization, WeightClass } from './layout/storage.ts';
import { type Advice, advise } from './memory/advice.ts';
import { kvBytesPerToken } from './memory/kv.ts';
import { longestContext } from './memory/longest-context.ts';
import { orRefusal } from './memory/refusal.ts';
import { type Staging, stagingOf } from './memory/staging.ts';
import { chooseContextLength, sizeKv, sizeTimeline, type TimelineBytes } from './memory/timeline.ts';
import { lossOf, type PagedBytes, savingsLeft, sizePaged, sizeWeights } from './memory/weights.ts';

/** What an adapter says of itself; `AdapterFacts` satisfies it. */
export interface AdapterLimits {
  /** Bytes. */
  readonly maxBufferSize: number;
  /** Bytes. */
  readonly maxStorageBufferBindingSize: number;
}

/** What every WebGPU adapter has; most allow one to four gigabytes. */
export const DEFAULT_LIMITS: AdapterLimits = {
  maxBufferSize: 256 * 2 ** 20,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
};

export interface PlanOptions extends Requantization {
  /** Bytes of the model's files that are on this machine already; default 0. */
  readonly stored?: number | undefined;
  /** Tokens; default the least of the model's, 8192 and what the budget allows. */
  readonly contextLength?: number | undefined;
  /** Default 'f32', which is lossless. */
  readonly kvDtype?: KvDtype | undefined;
  /** Bytes of GPU memory that may be used. Default: nobody knows, and the verdict is `unproven`. */
  readonly budget?: number | undefined;
  /** Default: what every WebGPU adapter has. */
  readonly adapterLimits?: AdapterLimits | undefined;
}

/** What is known of a checkpoint's files. */
export interface CheckpointFiles {
  /** For people: where the model is. */
  readonly source: string;
  /** How the weights are stored, for people. */
  readonly format: string;
  /** What is computed otherwise than the checkpoint asks. */
  readonly notices: readonly string[];
  /** Bytes of all tensors, those of the vision part included, without headers. */
  readonly tensors: number;
  /** Bytes of each weight file, and of each small file that loading reads. Weight files without text weights do not count. */
  readonly files: ReadonlyMap<string, number>;
  /** Bytes of them that are on this machine already; default 0. */
  readonly stored?: number | undefined;
}

export interface NamedBytes {
  readonly label: string;
  readonly bytes: number;
}

/** Plain data. All sizes are bytes. */
export interface ModelPlan extends Advice {
  readonly source: string;
  readonly format: string;
  readonly notices: readonly string[];
  /** Of all tensors of the checkpoint, those of the vision part included, without headers. */
  readonly tensors: number;
  /** Still to be fetched for the cache, of `disk`. */
  readonly download: number;
  /** On this machine when all is there: the files that have text weights, whole, and the small files. */
  readonly disk: number;
  /** Of the tensors that the GPU needs; without a cache only these are fetched. */
  readonly read: number;
  readonly gpu: {
    readonly classes: Readonly<Record<WeightClass, number>>;
    /** The sum of `classes`. */
    readonly weights: number;
    /** Keys and values of a full context. */
    readonly kv: number;
    /** What a run writes, and its tables. The 256 bytes of uniforms that each dispatch has are not counted. */
    readonly activations: number;
    readonly total: number;
  };
  readonly kv: {
    readonly dtype: KvDtype;
    readonly contextLength: number;
    /** The model's own. */
    readonly maxContextLength: number;
    /** Of layers that attend in chunks, at this context; grows up to one chunk. */
    readonly chunkedBytes: number;
    /** Of all layers that attend to everything. */
    readonly globalBytesPerToken: number;
    /** Chunked and global ones together, at other contexts. */
    readonly at: readonly { readonly contextLength: number; readonly bytes: number }[];
  };
  /** The most that is under way while loading, beside `gpu`. */
  readonly staging: Staging;
  /** `assumed`: nobody said what the adapter allows. */
  readonly limits: AdapterLimits & { readonly assumed: boolean };
  /** To be compared with `limits`. Every buffer is bound whole. */
  readonly largest: { readonly buffer: NamedBytes; readonly binding: NamedBytes };
  /** What is given up for memory, and what that saves on the GPU. */
  readonly lossy?: { readonly what: string; readonly saves: number } | undefined;
  /** If routed experts were fetched when they are needed; undefined where there are none. */
  readonly paged?: PagedBytes | undefined;
  readonly budget?: number | undefined;
  /** The longest that the budget holds; 0 where none does, undefined without a budget. */
  readonly contextLengthThatFits?: number | undefined;
}

/** Contexts that a plan tells the price of. */
const CONTEXTS = [2048, 8192, 32768, 131072, 1048576, 10485760];

/**
 * Throws `invalid_request` for a contextLength or budget out of range, `quantization_unsupported` for parts that do not
 * match. What does not fit is no error, but the verdict.
 */
export function planOf(
  config: ModelConfig,
  tensors: ModelTensors,
  checkpoint: CheckpointFiles,
  options: PlanOptions = {},
): ModelPlan {
  const { budget, kvDtype = 'f32', adapterLimits: limits = DEFAULT_LIMITS, quantizeOnLoad, recipe } = options;
  const { maxBufferSize, maxStorageBufferBindingSize } = limits;
  checkBudget(budget);
  const chosen = { quantizeOnLoad, recipe };
  const maxBytes = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  const { value: layout, refusal } = orRefusal(maxBytes, (most) =>
    layOut(tensors, { maxBytes: most, ...chosen }, new MatrixJobs()),
  );
  const weights = sizeWeights(layout);
  const schedule = scheduleLayers(config);
  const context = placeContext(config, schedule, { ...options, kvDtype, limits }, weights.total);
  const { kv, activations } = context.bytes;
  const gpu = {
    classes: weights.classes,
    weights: weights.total,
    kv,
    activations,
    total: weights.total + kv + activations,
  };
  const largest = [weights.largest, context.bytes.largest].reduce((a, b) => (b.bytes > a.bytes ? b : a));
  const limitsAssumed = options.adapterLimits === undefined;
  return {
    ...sizeFiles(layout, checkpoint),
    gpu,
    kv: {
      dtype: kvDtype,
      contextLength: context.length,
      maxContextLength: config.maxPositionEmbeddings,
      chunkedBytes: context.bytes.chunkedKv,
      ...priceContexts(config, schedule, kvDtype),
    },
    staging: stagingOf(layout.jobs),
    limits: { maxBufferSize, maxStorageBufferBindingSize, assumed: limitsAssumed },
    largest: { buffer: largest, binding: largest },
    lossy: lossOf(tensors, chosen),
    paged: sizePaged(layout, gpu.total),
    budget,
    contextLengthThatFits: context.fits,
    ...advise({
      total: gpu.total,
      budget,
      contextLength: context.length,
      contextLengthThatFits: context.fits,
      halfKv: kvDtype === 'f16' || config.headDim % 8 !== 0 ? undefined : kv / 2,
      savings: () => savingsLeft(tensors, chosen),
      refusal: refusal ?? context.refusal,
      limitsAssumed,
      contextWithinLimits: context.withinLimits,
    }),
  };
}

interface PlacedContext {
  readonly length: number;
  /** The longest that the budget holds. */
  readonly fits: number | undefined;
  /** The longest that the adapter's limits allow; only looked for where `length` exceeds them. */
  readonly withinLimits: number;
  readonly bytes: TimelineBytes;
  readonly refusal?: OutriderError | undefined;
}

/** Chooses the context's length and sizes it. @param weights bytes that the budget must hold beside it */
function placeContext(
  config: ModelConfig,
  schedule: Schedule,
  options: PlanOptions & { readonly kvDtype: KvDtype; readonly limits: AdapterLimits },
  weights: number,
): PlacedContext {
  const { budget, kvDtype, limits } = options;
  const request = { kvDtype, maxBinding: limits.maxStorageBufferBindingSize };
  const fits = budget === undefined ? undefined : longestContext(config, schedule, request, budget - weights);
  const length = chooseContextLength(options.contextLength, config, fits);
  const { value: bytes, refusal } = orRefusal(request.maxBinding, (maxBinding) =>
    sizeTimeline(config, schedule, length, { ...request, maxBinding }),
  );
  const withinLimits = refusal ? longestContext(config, schedule, request, Number.POSITIVE_INFINITY) : length;
  return { length, fits, withinLimits, bytes, refusal };
}

function checkBudget(budget: number | undefined): void {
  if (budget === undefined || budget > 0) return;
  const message = `budget is ${budget}; it must be a number of bytes above 0, or absent where nobody knows.`;
  throw new OutriderError('invalid_request', message, { details: { budget } });
}

function sizeFiles(
  { jobs }: WeightLayout,
  { source, format, notices, tensors, files, stored = 0 }: CheckpointFiles,
): Pick<ModelPlan, 'source' | 'format' | 'notices' | 'tensors' | 'download' | 'disk' | 'read'> {
  const needed = filesOf(jobs);
  const disk = [...files].reduce((sum, [path, bytes]) => sum + (isWeights(path) && !needed.has(path) ? 0 : bytes), 0);
  return { source, format, notices, tensors, download: Math.max(0, disk - stored), disk, read: bytesToRead(jobs) };
}

function isWeights(path: string): boolean {
  return path.endsWith('.safetensors');
}

function priceContexts(
  config: ModelConfig,
  schedule: Schedule,
  kvDtype: KvDtype,
): Pick<ModelPlan['kv'], 'globalBytesPerToken' | 'at'> {
  const contexts = CONTEXTS.filter((contextLength) => contextLength <= config.maxPositionEmbeddings);
  const globalLayers = schedule.layers.filter(({ attention }) => attention === 'global').length;
  return {
    globalBytesPerToken: globalLayers * kvBytesPerToken(config, kvDtype),
    at: contexts.map((contextLength) => {
      const maxBinding = Number.POSITIVE_INFINITY;
      const { chunked, global } = sizeKv(config, schedule, { contextLength, kvDtype, maxBinding });
      return { contextLength, bytes: chunked + global };
    }),
  };
}
