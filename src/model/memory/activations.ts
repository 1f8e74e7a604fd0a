/** Bytes of the buffers that a run writes, and of the tables it reads. Pure: the engine allocates by it, the plan adds it up. */
import { logprobWords, MAX_TOP_LOGPROBS, sliceBytes } from '../../kernels/sampling.ts';
import { numTiles } from '../../kernels/tiles.ts';
import type { ModelConfig } from '../config.ts';
import type { Schedule } from '../irope.ts';

/** Keys per partial result of one token's attention; divides the segments' lengths. */
export const PIECE = 256;
/** The uniform `State` of shaders/shared/state.wgsl; a test compares. */
const STATE_BYTES = 32;
/** The uniform `Extras` of shaders/shared/extras.wgsl; a test compares. */
const EXTRAS_BYTES = 28;
/** Bindings must not be empty. */
const MIN_BYTES = 16;

export interface ActivationRequest {
  readonly contextLength: number;
  /** Most rows of a run. */
  readonly maxRows: number;
  /** Room for forced routes: comparisons need it, generation does not. */
  readonly forcible: boolean;
}

/** What each holds: `Activations` in model/activations.ts. */
export type ActivationName =
  | 'state'
  | 'ids'
  | 'h'
  | 'x'
  | 'qkv'
  | 'context'
  | 'inner'
  | 'partials'
  | 'routerLogits'
  | 'forced'
  | 'routes'
  | 'order'
  | 'tiles'
  | 'logits'
  | 'extras'
  | 'mask'
  | 'entries'
  | 'adjusted'
  | 'slices'
  | 'candidates'
  | 'record';

export function activationBytes(config: ModelConfig, request: ActivationRequest): Record<ActivationName, number> {
  const { maxRows: rows, contextLength, forcible } = request;
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim, hiddenSize, numLocalExperts: experts } = config;
  const moeLayers = config.moeLayers.length;
  const hasDense = moeLayers < config.numHiddenLayers;
  const widest = Math.max(hasDense ? config.intermediateSizeMlp : 0, moeLayers > 0 ? config.intermediateSize : 0);
  const words = (count: number): number => Math.max(MIN_BYTES, count * 4);
  return {
    state: STATE_BYTES,
    ids: words(rows),
    h: words(rows * hiddenSize),
    x: words(rows * hiddenSize),
    qkv: words(rows * (heads + 2 * kvHeads) * headDim),
    context: words(rows * heads * headDim),
    inner: words(rows * widest),
    partials: words(heads * (headDim + 2) * Math.max(rows, maxPartials(contextLength))),
    routerLogits: words(rows * experts),
    forced: words(forcible ? rows * moeLayers : 0),
    routes: words(rows * 2),
    order: words(rows),
    tiles: words(numTiles(rows, experts) * 3),
    logits: words(config.vocabSize),
    extras: EXTRAS_BYTES,
    mask: words(Math.ceil(config.vocabSize / 32)),
    entries: words(config.vocabSize * 2),
    adjusted: words(config.vocabSize),
    slices: Math.max(MIN_BYTES, sliceBytes(config.vocabSize)),
    candidates: words(config.vocabSize),
    record: words(1 + moeLayers + logprobWords(MAX_TOP_LOGPROBS)),
  };
}

/** Partial results that the attention of one token may need. */
export function maxPartials(contextLength: number): number {
  return Math.ceil(contextLength / PIECE);
}

export interface TableSize {
  /** Read at position mod rows. */
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Layers with RoPE that are chunked only need one chunk of positions, since a rotation by a whole chunk cancels out between
 * queries and keys. A table that no layer reads has one row.
 */
export function tableSizes(
  { headDim }: Pick<ModelConfig, 'headDim'>,
  schedule: Schedule,
  contextLength: number,
): Record<'rope' | 'temperature' | 'ones', TableSize> {
  const usesRope = schedule.layers.some((layer) => layer.rope);
  const usesTemperature = schedule.layers.some((layer) => layer.temperature);
  const globalRope = schedule.layers.some((layer) => layer.rope && layer.attention === 'global');
  const ropeRows = usesRope ? (globalRope ? contextLength : Math.min(contextLength, schedule.chunk)) : 1;
  const temperatureRows = usesTemperature ? contextLength : 1;
  return {
    rope: { rows: ropeRows, bytes: Math.max(MIN_BYTES, ropeRows * headDim * 4) },
    temperature: { rows: temperatureRows, bytes: Math.max(MIN_BYTES, temperatureRows * 4) },
    ones: { rows: 1, bytes: MIN_BYTES },
  };
}
