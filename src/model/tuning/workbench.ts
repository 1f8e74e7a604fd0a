/** Buffers of trials, and running, timing and reading them. */
import type { PipelineCache } from '../../gpu/kernel.ts';
import { type At, type PlannedDispatch, Recorder } from '../../gpu/plan.ts';
import { packState, STATE_BYTES } from '../../kernels/state.ts';
import type { KernelOptions } from '../../kernels/variants.ts';

/** What a kernel family does in a model, on made-up data. */
export interface Trial {
  readonly at: At;
  /** [expected().length] f32 */
  readonly y: GPUBuffer;
  record(recorder: Recorder, options: KernelOptions): void;
  /** What y must hold after the first run, by plain loops in f64; for trials on filled buffers. To be called once. */
  expected(): Float64Array;
}

export type Workbench = ReturnType<typeof createWorkbench>;

/** @param pipelines the model's own, so that what is compiled for a trial need not be compiled again */
export function createWorkbench(device: GPUDevice, pipelines: PipelineCache) {
  const buffers: GPUBuffer[] = [];

  /** A buffer with these contents, or of so many bytes; default for storage. */
  const buffer = (content: Uint32Array<ArrayBuffer> | number, usage = GPUBufferUsage.STORAGE): GPUBuffer => {
    const bytes = typeof content === 'number' ? content : content.byteLength;
    const reading = usage & GPUBufferUsage.STORAGE && GPUBufferUsage.COPY_SRC;
    const made = device.createBuffer({
      label: 'kernel trial',
      size: Math.max(16, Math.ceil(bytes / 16) * 16),
      usage: usage | GPUBufferUsage.COPY_DST | reading,
    });
    buffers.push(made);
    if (typeof content !== 'number') device.queue.writeBuffer(made, 0, content);
    return made;
  };

  /** The `State` uniform. */
  const state = (at: At): GPUBuffer => {
    const words = new Uint32Array(STATE_BYTES / 4);
    const idle = { temperature: 0, top_p: 1, top_k: 0, min_p: 0, random: 0, force_routes: 0 };
    packState({ ...at, ...idle }, new DataView(words.buffer));
    return buffer(words, GPUBufferUsage.UNIFORM);
  };

  const submit = (encode: (encoder: GPUCommandEncoder) => void): void => {
    const encoder = device.createCommandEncoder();
    encode(encoder);
    device.queue.submit([encoder.finish()]);
  };

  /** Compiles. */
  const prepare = async (trial: Trial, options: KernelOptions): Promise<PlannedDispatch[]> => {
    const recorder = new Recorder();
    trial.record(recorder, options);
    return (await recorder.finish(device, pipelines, 'trial')).dispatches(trial.at);
  };

  /** All of them so many times over, in one submit. Resolves when they are done, to the seconds that took. */
  const run = async (dispatches: readonly PlannedDispatch[], repeats = 1): Promise<number> => {
    const start = performance.now();
    submit((encoder) => {
      const pass = encoder.beginComputePass();
      for (let repeat = 0; repeat < repeats; repeat++) for (const dispatch of dispatches) dispatch.encode(pass);
      pass.end();
    });
    await device.queue.onSubmittedWorkDone();
    return (performance.now() - start) / 1000;
  };

  const read = async (from: GPUBuffer): Promise<Float32Array> => {
    const readback = buffer(from.size, GPUBufferUsage.MAP_READ);
    submit((encoder) => encoder.copyBufferToBuffer(from, 0, readback, 0, from.size));
    await readback.mapAsync(GPUMapMode.READ);
    return new Float32Array(readback.getMappedRange().slice(0));
  };

  /** Frees every buffer. */
  const close = (): void => {
    for (const made of buffers) made.destroy();
  };

  return { buffer, state, prepare, run, read, close };
}
