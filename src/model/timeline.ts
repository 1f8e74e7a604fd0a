/** The buffers of one timeline over a model (activations, tables, KV) and how a run is sized and cut. */
import type { Recorder } from '../gpu/plan.ts';
import type { KvDtype } from '../kernels/attention.ts';
import type { StateValues } from '../kernels/state.ts';
import { packState, STATE_BYTES } from '../kernels/state.ts';
import { type Activations, createActivations, createTables, type Tables } from './activations.ts';
import { KvCache } from './kv-cache.ts';
import { blockRows, MAX_BLOCK_ROWS } from './memory/block.ts';
import { SEGMENT_TOKENS } from './memory/kv.ts';
import type { Model } from './model.ts';
import { Ops } from './ops.ts';
import { Pace } from './pace.ts';
import { cutPrompt } from './positions.ts';

export interface TimelineOptions {
  readonly contextLength: number;
  /** Default 'f32', which is lossless. */
  readonly kvDtype?: KvDtype | undefined;
  /** Most rows of a run, 2 .. 512; default by what earlier ones took. */
  readonly blockRows?: number | undefined;
  /** Ids that the tokenizer knows; default all. */
  readonly numTokens?: number | undefined;
  /** Room for forced routes. */
  readonly forcible?: boolean;
}

export class Timeline {
  readonly model: Model;
  readonly contextLength: number;
  readonly activations: Activations;
  readonly kv: KvCache;
  readonly pace: Pace;
  readonly #blockRows: number | undefined;
  readonly #tables: Tables;
  /** Ids that the tokenizer knows. */
  readonly numTokens: number;
  readonly #stateBytes = new DataView(new ArrayBuffer(STATE_BYTES));

  constructor(model: Model, options: TimelineOptions) {
    const { gpu, config, schedule } = model;
    this.model = model;
    this.contextLength = options.contextLength;
    this.pace = new Pace(gpu.device.queue, gpu.facts.software);
    this.#blockRows = options.blockRows;
    this.activations = createActivations(gpu.device, config, {
      contextLength: options.contextLength,
      maxRows: Math.min(options.blockRows ?? MAX_BLOCK_ROWS, MAX_BLOCK_ROWS),
      forcible: options.forcible ?? false,
    });
    this.#tables = createTables(gpu.device, config, schedule, options.contextLength);
    this.kv = new KvCache(
      gpu.device,
      config,
      schedule,
      options.contextLength,
      gpu.facts.maxStorageBufferBindingSize,
      options.kvDtype,
    );
    this.numTokens = Math.min(options.numTokens ?? config.vocabSize, config.vocabSize);
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
      numTokens: this.numTokens,
      onTap,
    });
  }

  /** Bytes of everything that is neither weights nor keys and values. */
  get workingBytes(): number {
    return this.activations.bytes + this.#tables.bytes;
  }

  /** Rows of a run now. */
  get blockRows(): number {
    const { maxRows } = this.activations;
    return Math.min(maxRows, this.#blockRows ?? blockRows(this.model.config, this.pace.submitFlops));
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
