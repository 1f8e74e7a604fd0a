/** A device on which kernels run alone: buffers that go together, and dispatches recorded as a model records them. */
import { OutriderError } from '../errors.ts';
import type { Gpu } from '../gpu/device.ts';
import { PipelineCache } from '../gpu/kernel.ts';
import { type At, type Plan, type PlannedDispatch, Recorder } from '../gpu/plan.ts';
import type { Routing } from '../kernels/linear.ts';
import { packState, STATE_BYTES } from '../kernels/state.ts';
import { type Encode, Timer } from './timing.ts';

/** Greedy, free routes: what a bench does not care about. */
export const IDLE = { temperature: 0, top_p: 1, top_k: 0, min_p: 0, random: 0, force_routes: 0 } as const;

export class Lab {
  readonly gpu: Gpu;
  readonly timer: Timer;
  readonly #pipelines: PipelineCache;
  #buffers: GPUBuffer[] = [];
  #plans: Plan[] = [];

  constructor(gpu: Gpu) {
    this.gpu = gpu;
    this.timer = new Timer(gpu.device);
    this.#pipelines = new PipelineCache(gpu.device);
  }

  /** A storage buffer of so many bytes, all zeros. */
  room(bytes: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return this.#own({ size: Math.max(16, Math.ceil(bytes / 16) * 16), usage }); // shaders bind arrays of vec4
  }

  buffer(data: Float32Array | Uint32Array): GPUBuffer {
    const buffer = this.room(data.byteLength);
    this.write(buffer, data);
    return buffer;
  }

  /** Another buffer with the same contents. */
  copy(from: GPUBuffer): GPUBuffer {
    const { device } = this.gpu;
    const to = this.room(from.size);
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(from, 0, to, 0, from.size);
    device.queue.submit([encoder.finish()]);
    return to;
  }

  write(buffer: GPUBuffer, data: Float32Array | Uint32Array): void {
    this.gpu.device.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  }

  /** The `State` uniform of a greedy run. */
  state({ position, rows }: At): GPUBuffer {
    const bytes = new DataView(new ArrayBuffer(STATE_BYTES));
    packState({ ...IDLE, position, rows }, bytes);
    const buffer = this.#own({ size: STATE_BYTES, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    this.gpu.device.queue.writeBuffer(buffer, 0, bytes.buffer);
    return buffer;
  }

  /** The routing buffers of these tokens; `order` and `tiles` only where given. */
  routing(experts: Uint32Array, scores: Float32Array, tables?: { order: Uint32Array; tiles: Uint32Array }): Routing {
    const routes = new Uint32Array(2 * experts.length);
    const scoresAt = new Float32Array(routes.buffer);
    for (const [token, expert] of experts.entries()) {
      routes[2 * token] = expert;
      scoresAt[2 * token + 1] = scores[token]!;
    }
    const { order, tiles } = tables ?? { order: new Uint32Array(1), tiles: new Uint32Array(3) };
    return { routes: this.buffer(routes), order: this.buffer(order), tiles: this.buffer(tiles) };
  }

  /** The dispatches of what `record` records, at `at`. */
  async record(at: At, record: (recorder: Recorder) => void): Promise<PlannedDispatch[]> {
    const recorder = new Recorder();
    record(recorder);
    const plan = await recorder.finish(this.gpu.device, this.#pipelines, 'bench');
    this.#plans.push(plan);
    return plan.dispatches(at);
  }

  /** Runs dispatches once, in one pass. */
  async run(dispatches: readonly PlannedDispatch[]): Promise<void> {
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encodeAll(dispatches)(pass);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    this.assertAlive();
  }

  async floats(buffer: GPUBuffer, count: number): Promise<Float32Array> {
    const { device } = this.gpu;
    const size = count * 4;
    const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const floats = new Float32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    return floats;
  }

  /** Throws what the device failed with, if it did. */
  assertAlive(): void {
    if (this.gpu.failure) throw this.gpu.failure;
  }

  /**
   * The result of `work`; the buffers and plans that it made are freed.
   * @param what they are, for a message
   * @throws OutriderError `gpu_out_of_memory`, what the device failed with, and what `work` throws
   */
  async scoped<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { device } = this.gpu;
    device.pushErrorScope('out-of-memory');
    const [outcome] = await Promise.allSettled([work()]);
    const refusal = await device.popErrorScope().catch(() => null); // of a lost device
    for (const made of [...this.#buffers, ...this.#plans]) made.destroy();
    [this.#buffers, this.#plans] = [[], []];
    if (refusal) {
      const message = `The GPU has no room for ${what}: ${refusal.message}. Close other GPU-heavy tabs, or run the quick bench.`;
      throw new OutriderError('gpu_out_of_memory', message, { details: { what } });
    }
    this.assertAlive();
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  #own(descriptor: GPUBufferDescriptor): GPUBuffer {
    const buffer = this.gpu.device.createBuffer(descriptor);
    this.#buffers.push(buffer);
    return buffer;
  }
}

export function encodeAll(dispatches: readonly PlannedDispatch[]): Encode {
  return (pass) => {
    for (const dispatch of dispatches) dispatch.encode(pass);
  };
}
