/** The buffers of one timeline over a model (activations, tables, KV) and how a run is sized and cut. */
import type { Recorder } from '../gpu/plan.ts';
import type { StateValues } from '../kernels/state.ts';
import { packState, STATE_BYTES } from '../kernels/state.ts';
import { type Activations, createActivations, createTables, type Tables } from './activations.ts';
import type { ModelConfig } from './config.ts';
import { cutPrompt } from './irope.ts';
import { KvCache, SEGMENT_TOKENS } from './kv-cache.ts';
import type { Model } from './model.ts';
import { Ops } from './ops.ts';

/** No submit may take longer, by estimate, so that the desktop stays usable. */
const SUBMIT_SECONDS = 0.2;
/** Rates that the estimate assumes until they are measured: low ones, since a block too small costs little. */
const FLOPS_PER_SECOND = { software: 4e9, hardware: 1e12 };

const MIN_BLOCK = 16;

export interface TimelineOptions {
  readonly contextLength: number;
  /** Most rows of a run, 2 .. 512; default by the estimate. */
  readonly blockRows?: number | undefined;
  /** Ids that the tokenizer knows; default all. */
  readonly numTokens?: number | undefined;
  /** Room for forced routes. */
  readonly forcible?: boolean;
}

export class Timeline {
  readonly model: Model;
  readonly contextLength: number;
  readonly blockRows: number;
  readonly activations: Activations;
  readonly kv: KvCache;
  /** Work after which a submit ends at the next layer border. */
  readonly maxFlops: number;
  readonly #tables: Tables;
  readonly #numTokens: number;
  readonly #stateBytes = new DataView(new ArrayBuffer(STATE_BYTES));

  constructor(model: Model, options: TimelineOptions) {
    const { gpu, config, schedule } = model;
    this.model = model;
    this.contextLength = options.contextLength;
    const rate = gpu.facts.software ? FLOPS_PER_SECOND.software : FLOPS_PER_SECOND.hardware;
    this.maxFlops = SUBMIT_SECONDS * rate;
    this.blockRows = Math.min(options.blockRows ?? blockRowsFor(this.maxFlops, config), SEGMENT_TOKENS);
    this.activations = createActivations(
      gpu.device,
      config,
      options.contextLength,
      this.blockRows,
      options.forcible ?? false,
    );
    this.#tables = createTables(gpu.device, config, schedule, options.contextLength);
    this.kv = new KvCache(gpu.device, config, schedule, options.contextLength, gpu.facts.maxStorageBufferBindingSize);
    this.#numTokens = Math.min(options.numTokens ?? config.vocabSize, config.vocabSize);
  }

  /** Operations that record into `recorder`. */
  ops(recorder: Recorder, size: 'token' | 'block', onTap?: (name: string, buffer: GPUBuffer) => void): Ops {
    const { model, activations, kv } = this;
    const { config, options } = model;
    return new Ops({
      recorder,
      options,
      config,
      activations,
      tables: this.#tables,
      kv,
      size,
      numTokens: this.#numTokens,
      onTap,
    });
  }

  /** Pieces of positions [start, end) that one run each processes: in one chunk, one KV segment and one block. */
  cut(start: number, end: number, block = this.blockRows): { start: number; end: number }[] {
    return cutPrompt(start, end, this.model.schedule.chunk, block).flatMap((piece) =>
      cutPrompt(piece.start, piece.end, SEGMENT_TOKENS, block),
    );
  }

  writeState(values: StateValues): void {
    packState(values, this.#stateBytes);
    this.model.gpu.device.queue.writeBuffer(this.activations.state, 0, this.#stateBytes.buffer);
  }
}

/** Rows of a block: a power of two that stays under the estimate, 16 .. 512. */
function blockRowsFor(maxFlops: number, config: ModelConfig): number {
  const rows = 2 ** Math.floor(Math.log2(maxFlops / flopsPerToken(config)));
  return Math.max(MIN_BLOCK, Math.min(SEGMENT_TOKENS, rows));
}

/** Two per active weight, head and attention left out. */
export function flopsPerToken(config: ModelConfig): number {
  const {
    hiddenSize,
    headDim,
    numAttentionHeads,
    numKeyValueHeads,
    numHiddenLayers,
    moeLayers,
    intermediateSize,
    intermediateSizeMlp,
  } = config;
  const attention = hiddenSize * headDim * (2 * numAttentionHeads + 2 * numKeyValueHeads);
  const moe = 2 * 3 * hiddenSize * intermediateSize; // the shared expert and one routed
  const dense = 3 * hiddenSize * intermediateSizeMlp;
  return 2 * (numHiddenLayers * attention + moeLayers.length * moe + (numHiddenLayers - moeLayers.length) * dense);
}
