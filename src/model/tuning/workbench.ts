/** Buffers of trials, and running, timing and reading them. Everything is freed at once when the workbench is closed. */
import type { PipelineCache } from '../../gpu/kernel.ts';
import { type At, type Plan, type PlannedDispatch, Recorder } from '../../gpu/plan.ts';
import { packState, STATE_BYTES } from '../../kernels/state.ts';
import type { KernelOptions } from '../../kernels/variants.ts';

/** What a kernel family does in a model, on made-up data. */
export interface Trial {
  readonly at: At;
  /** [expected().length] f32 */
  readonly y: GPUBuffer;
  record(recorder: Recorder, options: KernelOptions): void;
  /** What y must hold after one run, by plain loops in f64; for trials on filled buffers. */
  expected(): Float64Array;
}

export class Workbench {
  readonly #device: GPUDevice;
  readonly #pipelines: PipelineCache;
  readonly #buffers: GPUBuffer[] = [];

  /** @param pipelines the model's own, so that what is compiled for a trial need not be compiled again */
  constructor(device: GPUDevice, pipelines: PipelineCache) {
    this.#device = device;
    this.#pipelines = pipelines;
  }

  /** A storage buffer with these contents, or of so many bytes. */
  buffer(content: Uint32Array | number, usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC): GPUBuffer {
    const bytes = typeof content === 'number' ? content : content.byteLength;
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const buffer = this.#device.createBuffer({ label: 'kernel trial', size, usage: usage | GPUBufferUsage.COPY_DST });
    this.#buffers.push(buffer);
    if (typeof content !== 'number') this.#device.queue.writeBuffer(buffer, 0, content as Uint32Array<ArrayBuffer>);
    return buffer;
  }

  state(at: At): GPUBuffer {
    const words = new Uint32Array(STATE_BYTES / 4);
    const idle = { temperature: 0, top_p: 1, top_k: 0, min_p: 0, random: 0, force_routes: 0 };
    packState({ ...at, ...idle }, new DataView(words.buffer));
    return this.buffer(words, GPUBufferUsage.UNIFORM);
  }

  plan(trial: Trial, options: KernelOptions): Promise<Plan> {
    const recorder = new Recorder();
    trial.record(recorder, options);
    return recorder.finish(this.#device, this.#pipelines, 'trial');
  }

  /** All of them so many times over, in one submit. Resolves when they are done, to the seconds that took. */
  async run(dispatches: readonly PlannedDispatch[], repeats = 1): Promise<number> {
    const start = performance.now();
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let repeat = 0; repeat < repeats; repeat++) for (const dispatch of dispatches) dispatch.encode(pass);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
    await this.#device.queue.onSubmittedWorkDone();
    return (performance.now() - start) / 1000;
  }

  async read(buffer: GPUBuffer): Promise<Float32Array> {
    const readback = this.buffer(buffer.size, GPUBufferUsage.MAP_READ);
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, readback, 0, buffer.size);
    this.#device.queue.submit([encoder.finish()]);
    await readback.mapAsync(GPUMapMode.READ);
    return new Float32Array(readback.getMappedRange().slice(0));
  }

  close(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }
}
