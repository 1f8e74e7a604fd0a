/**
 * The runner on WebGPU: one timeline, two recorded plans (one token, a block), a ring of readbacks. A decode step is one
 * state write, one pass, one submit; it creates nothing but, now and then, a KV segment.
 */
import { OutriderError } from '../errors.ts';
import { type At, type Plan, type PlannedDispatch, Recorder, type Submit } from '../gpu/plan.ts';
import { Choice } from './choice.ts';
import type { ModelConfig } from './config.ts';
import { forward, head } from './forward.ts';
import type { Schedule } from './irope.ts';
import { type GpuKvCopy, kvCopyBytes, restoreKv, saveKv } from './kv-copy.ts';
import type { Model } from './model.ts';
import type { Adjustment, KvCopy, Runner, Sampled, Sampling, StepCost } from './runner.ts';
import { Timeline, type TimelineOptions } from './timeline.ts';

/** Steps in flight: enough to hide a readback's round trip on a GPU; on a CPU there is nothing to hide. */
const RUN_AHEAD = { software: 2, hardware: 4 };

interface Plans {
  readonly token: Plan;
  readonly block: Plan;
  /** A block that is not the last of its prompt: no head. */
  readonly body: Plan;
}

export class GpuRunner implements Runner {
  readonly contextLength: number;
  readonly runAhead: number;
  readonly #timeline: Timeline;
  readonly #plans: Plans;
  readonly #choice: Choice;
  readonly #ring: ReadbackRing;
  #destroyed = false;

  /** Records the plans; waits until all pipelines are compiled. */
  static async create(model: Model, options: TimelineOptions): Promise<GpuRunner> {
    const timeline = new Timeline(model, options);
    const { device } = model.gpu;
    const record = (size: 'token' | 'block', withHead: boolean) => {
      const recorder = new Recorder();
      const ops = timeline.ops(recorder, size);
      forward(ops, model.schedule, model.weights);
      if (withHead) head(ops, model.weights);
      return recorder.finish(device, model.pipelines, `${size} plan`);
    };
    const [token, block, body] = await Promise.all([
      record('token', true),
      record('block', true),
      record('block', false),
    ]);
    return new GpuRunner(timeline, { token, block, body });
  }

  private constructor(timeline: Timeline, plans: Plans) {
    const { gpu } = timeline.model;
    this.#timeline = timeline;
    this.#plans = plans;
    this.contextLength = timeline.contextLength;
    this.runAhead = gpu.facts.software ? RUN_AHEAD.software : RUN_AHEAD.hardware;
    this.#choice = new Choice(gpu.device.queue, timeline.activations, timeline.numTokens);
    this.#ring = new ReadbackRing(gpu.device, timeline.activations.record.size, this.runAhead + 1);
  }

  get config(): ModelConfig {
    return this.#timeline.model.config;
  }

  get schedule(): Schedule {
    return this.#timeline.model.schedule;
  }

  get lost(): Promise<never> {
    return this.#timeline.model.gpu.lost;
  }

  /** Bytes on the GPU: weights, KV so far, and what a run writes. */
  get bytes(): { readonly weights: number; readonly kv: number; readonly activations: number } {
    const { model, kv, workingBytes } = this.#timeline;
    return { weights: model.bytes.weights, kv: kv.allocatedBytes, activations: workingBytes };
  }

  adjust(adjustment: Adjustment | undefined, prompt: ArrayLike<number>): void {
    this.#choice.adjust(adjustment, prompt);
  }

  async prefill(
    ids: ArrayLike<number>,
    start: number,
    sampling: Sampling,
    options: { signal?: AbortSignal | undefined; onProgress?: (processed: number) => void; blockRows?: number } = {},
  ): Promise<Sampled> {
    const end = start + ids.length;
    if (ids.length === 0 || end > this.contextLength)
      throw new RangeError(`prefill of ${ids.length} ids at ${start} in a context of ${this.contextLength}`);
    this.#choice.begin();
    for (let from = start; ; ) {
      const { end: to } = this.#timeline.cut(from, end, options.blockRows)[0]!;
      await this.#timeline.kv.reserve(to);
      const last = to === end;
      const sampled = await this.#read(ids, { start, from, to }, sampling, last, options.signal);
      if (sampled) return sampled;
      options.onProgress?.(to - start);
      from = to;
    }
  }

  async step(position: number, sampling: Sampling): Promise<Sampled> {
    this.#assertAlive();
    if (position >= this.contextLength)
      throw new RangeError(`step at ${position} in a context of ${this.contextLength}`);
    const reserved = this.#timeline.kv.reserve(position + 1);
    const at = { position, rows: 1, ...this.#choice.write(sampling, true) };
    const slot = this.#take(sampling);
    const submits = this.#encode(this.#plans.token, at, sampling, slot);
    this.#timeline.model.gpu.device.queue.submit(submits.map(({ commands }) => commands));
    const sampled = this.#sampled(slot, sampling);
    if (!reserved) return sampled;
    await Promise.all([reserved, sampled]);
    return sampled;
  }

  async saveKv(length: number, reach: number): Promise<KvCopy | undefined> {
    this.#assertAlive();
    return saveKv(this.#timeline.model.gpu.device, this.#timeline.kv, length, reach);
  }

  restoreKv(copy: KvCopy): void {
    this.#assertAlive();
    restoreKv(this.#timeline.model.gpu.device, this.#timeline.kv, copy as GpuKvCopy);
  }

  kvCopyBytes(length: number, reach: number): number {
    return kvCopyBytes(this.#timeline.kv, length, reach);
  }

  /** What a run consists of that is the last of its prompt: for accounting, and for timing each dispatch alone after it. */
  dispatches(at: At): PlannedDispatch[] {
    return (at.rows === 1 ? this.#plans.token : this.#plans.block).dispatches(at);
  }

  stepCost(position: number): StepCost {
    const costs = this.dispatches({ position, rows: 1 }).map(({ cost }) => cost);
    const sum = (of: 'bytes' | 'flops') => costs.reduce((total, cost) => total + cost[of], 0);
    return { dispatches: costs.length, bytes: sum('bytes'), flops: sum('flops') };
  }

  destroy(): void {
    this.#destroyed = true;
    this.#timeline.model.gpu.destroy();
  }

  /** Processes ids from .. to - 1 of a prompt that begins at `start`, submit by submit; chooses the next id after the last. */
  async #read(
    ids: ArrayLike<number>,
    { start, from, to }: { readonly start: number; readonly from: number; readonly to: number },
    sampling: Sampling,
    last: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Sampled | undefined> {
    const { model, activations, pace } = this.#timeline;
    const rows = to - from;
    const block = Uint32Array.from({ length: rows }, (_, row) => ids[from - start + row]!);
    model.gpu.device.queue.writeBuffer(activations.ids, 0, block);
    const plan = rows === 1 ? this.#plans.token : last ? this.#plans.block : this.#plans.body;
    const at = { position: from, rows, ...(last ? this.#choice.write(sampling, false) : {}) };
    const slot = last ? this.#take(sampling) : undefined;
    try {
      for (const submit of this.#encode(plan, at, sampling, slot)) {
        signal?.throwIfAborted();
        this.#assertAlive();
        await pace.submit(submit);
      }
    } catch (error) {
      slot?.giveBack();
      throw error;
    }
    return slot && this.#sampled(slot, sampling);
  }

  /** For the id, the experts, and what else this sampling records. */
  #take(sampling: Sampling): Slot {
    return this.#ring.take(1 + this.config.moeLayers.length + this.#choice.words(sampling));
  }

  #encode(plan: Plan, at: At, sampling: Sampling, slot: Slot | undefined): Submit[] {
    const { activations, pace } = this.#timeline;
    const { temperature, topP, topK, minP, random } = sampling;
    this.#timeline.writeState({
      position: at.position,
      rows: at.rows,
      temperature,
      top_p: topP,
      top_k: topK,
      min_p: minP,
      random,
      force_routes: 0,
    });
    return plan.encode(at, pace.submitFlops, (encoder) => slot?.copy(encoder, activations.record));
  }

  async #sampled(slot: Slot, sampling: Sampling): Promise<Sampled> {
    try {
      const record = await slot.read();
      this.#assertAlive();
      const end = 1 + this.config.moeLayers.length;
      const id = this.#choice.check(record[0]!, sampling);
      const logprobs = this.#choice.read(sampling, record.subarray(end));
      return { id, experts: record.slice(1, end), ...(logprobs && { logprobs }) };
    } catch (cause) {
      throw await this.#explain(cause);
    }
  }

  #assertAlive(): void {
    if (this.#destroyed)
      throw new OutriderError('engine_unloaded', 'The model was unloaded. Create another engine to go on.');
    const { failure } = this.#timeline.model.gpu;
    if (failure) throw failure;
  }

  /** A readback fails when the device goes away; `lost` may say so only a moment later. */
  async #explain(cause: unknown): Promise<unknown> {
    if (cause instanceof OutriderError) return cause;
    if (this.#destroyed)
      return new OutriderError('engine_unloaded', 'The model was unloaded while it was answering.', { cause });
    const unexplained = new Promise((resolve) => setTimeout(() => resolve(cause), 1000));
    return Promise.race([this.lost.catch((error: unknown) => error), unexplained]);
  }
}

interface Slot {
  copy(encoder: GPUCommandEncoder, record: GPUBuffer): void;
  read(): Promise<Uint32Array<ArrayBuffer>>;
  /** Nothing was copied into it. */
  giveBack(): void;
}

/** Mappable buffers that take turns, so that a readback never waits for the one before. */
class ReadbackRing {
  readonly #free: GPUBuffer[];

  /** @param bytes of each */
  constructor(device: GPUDevice, bytes: number, size: number) {
    this.#free = Array.from({ length: size }, (_, index) =>
      device.createBuffer({
        label: `readback ${index}`,
        size: bytes,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      }),
    );
  }

  /** @param words from the start of the record */
  take(words: number): Slot {
    const bytes = words * 4;
    const buffer = this.#free.shift();
    if (!buffer) throw new Error('more steps are in flight than runAhead allows');
    return {
      copy: (encoder, record) => encoder.copyBufferToBuffer(record, 0, buffer, 0, bytes),
      read: () => this.#read(buffer, bytes),
      giveBack: () => this.#free.push(buffer),
    };
  }

  async #read(buffer: GPUBuffer, bytes: number): Promise<Uint32Array<ArrayBuffer>> {
    await buffer.mapAsync(GPUMapMode.READ, 0, bytes);
    const words = new Uint32Array(buffer.getMappedRange(0, bytes).slice(0));
    buffer.unmap();
    this.#free.push(buffer);
    return words;
  }
}
