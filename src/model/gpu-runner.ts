/**
 * The runner on WebGPU: one timeline, two recorded plans (one token, a block), a ring of readbacks. A decode step is one
 * state write, one pass, one submit; it creates nothing but, now and then, a KV segment.
 */
import { OutriderError } from '../errors.ts';
import { type Plan, Recorder } from '../gpu/plan.ts';
import type { ModelConfig } from './config.ts';
import { forward, head } from './forward.ts';
import type { Schedule } from './irope.ts';
import type { Model } from './model.ts';
import type { Runner, Sampled, Sampling } from './runner.ts';
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
    const { gpu, config } = timeline.model;
    this.#timeline = timeline;
    this.#plans = plans;
    this.contextLength = timeline.contextLength;
    this.runAhead = gpu.facts.software ? RUN_AHEAD.software : RUN_AHEAD.hardware;
    this.#ring = new ReadbackRing(gpu.device, 1 + config.moeLayers.length, this.runAhead + 1);
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

  async prefill(
    ids: ArrayLike<number>,
    start: number,
    sampling: Sampling,
    options: { signal?: AbortSignal | undefined; onProgress?: (processed: number) => void; blockRows?: number } = {},
  ): Promise<Sampled> {
    const end = start + ids.length;
    if (ids.length === 0 || end > this.contextLength)
      throw new RangeError(`prefill of ${ids.length} ids at ${start} in a context of ${this.contextLength}`);
    const { model, activations } = this.#timeline;
    const { queue } = model.gpu.device;
    const pieces = this.#timeline.cut(start, end, options.blockRows);
    for (const piece of pieces) {
      options.signal?.throwIfAborted();
      this.#assertAlive();
      await this.#timeline.kv.reserve(piece.end);
      queue.writeBuffer(
        activations.ids,
        0,
        Uint32Array.from({ length: piece.end - piece.start }, (_, row) => ids[piece.start - start + row]!),
      );
      if (piece.end === end) return this.#submit(piece.start, piece.end - piece.start, sampling, true);
      await this.#submit(piece.start, piece.end - piece.start, sampling, false);
      await queue.onSubmittedWorkDone();
      this.#assertAlive();
      options.onProgress?.(piece.end - start);
    }
    throw new Error('unreachable: a prompt has a last piece');
  }

  async step(position: number, sampling: Sampling): Promise<Sampled> {
    this.#assertAlive();
    if (position >= this.contextLength)
      throw new RangeError(`step at ${position} in a context of ${this.contextLength}`);
    const reserved = this.#timeline.kv.reserve(position + 1);
    const sampled = this.#submit(position, 1, sampling, true);
    if (!reserved) return sampled;
    await Promise.all([reserved, sampled]);
    return sampled;
  }

  destroy(): void {
    this.#destroyed = true;
    this.#timeline.model.gpu.destroy();
  }

  #submit(position: number, rows: number, sampling: Sampling, choose: true): Promise<Sampled>;
  #submit(position: number, rows: number, sampling: Sampling, choose: boolean): Promise<Sampled | undefined>;
  async #submit(position: number, rows: number, sampling: Sampling, choose: boolean): Promise<Sampled | undefined> {
    const { model, activations, maxFlops } = this.#timeline;
    const { temperature, topP, topK, minP, random } = sampling;
    this.#timeline.writeState({
      position,
      rows,
      temperature,
      top_p: topP,
      top_k: topK,
      min_p: minP,
      random,
      force_routes: 0,
    });
    const plan = rows === 1 ? this.#plans.token : choose ? this.#plans.block : this.#plans.body;
    const slot = choose ? this.#ring.take() : undefined;
    const commands = plan.encode({ position, rows }, maxFlops, (encoder) => slot?.copy(encoder, activations.record));
    model.gpu.device.queue.submit(commands);
    if (!slot) return undefined;
    try {
      const [id, ...experts] = await slot.read();
      this.#assertAlive();
      return { id: id!, experts: Uint32Array.from(experts) };
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
  read(): Promise<number[]>;
}

/** Mappable buffers that take turns, so that a readback never waits for the one before. */
class ReadbackRing {
  readonly #free: GPUBuffer[];
  readonly #bytes: number;

  constructor(device: GPUDevice, words: number, size: number) {
    this.#bytes = words * 4;
    this.#free = Array.from({ length: size }, (_, index) =>
      device.createBuffer({
        label: `readback ${index}`,
        size: this.#bytes,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      }),
    );
  }

  take(): Slot {
    const buffer = this.#free.shift();
    if (!buffer) throw new Error('more steps are in flight than runAhead allows');
    return {
      copy: (encoder, record) => encoder.copyBufferToBuffer(record, 0, buffer, 0, this.#bytes),
      read: () => this.#read(buffer),
    };
  }

  async #read(buffer: GPUBuffer): Promise<number[]> {
    await buffer.mapAsync(GPUMapMode.READ);
    const words = Array.from(new Uint32Array(buffer.getMappedRange()));
    buffer.unmap();
    this.#free.push(buffer);
    return words;
  }
}
