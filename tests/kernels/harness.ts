/** Runs kernels through their bindings on the machine's GPU (or a software one) and compares with the oracles. */
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type DeviceOptions, type Gpu, openDevice } from '../../src/gpu/device.ts';
import { PipelineCache } from '../../src/gpu/kernel.ts';
import { type NodeAdapter, openNodeGpu } from '../../src/gpu/node.ts';
import { type At, Recorder } from '../../src/gpu/plan.ts';
import { EXTRAS_BYTES, type Extras, packExtras } from '../../src/kernels/extras.ts';
import type { Routing } from '../../src/kernels/linear.ts';
import { packState, STATE_BYTES, type StateValues } from '../../src/kernels/state.ts';
import { ROW_THREADS } from '../../src/kernels/variants.ts';
import type { Numbers } from '../../src/reference/numbers.ts';

type Data = Float32Array | Uint32Array;

/** Sampling fields that a run does not care about. */
const IDLE = { temperature: 0, top_p: 1, top_k: 0, min_p: 0, random: 0, force_routes: 0 };

/** The cost of a dispatch that nobody accounts for. */
export const FREE = { bytes: 0, flops: 0 };

/** Each case with as many threads for a row as each class of adapters has. */
export function withRowThreads<T extends object>(cases: readonly T[]): (T & { rowThreads: number })[] {
  return Object.values(ROW_THREADS).flatMap((rowThreads) => cases.map((testCase) => ({ ...testCase, rowThreads })));
}

/** A device with a pipeline cache, shared by the cases of one file; buffers live as long as one case. */
export class Lab {
  readonly gpu: Gpu;
  readonly #pipelines: PipelineCache;
  #buffers: GPUBuffer[] = [];

  constructor(gpu: Gpu) {
    this.gpu = gpu;
    this.#pipelines = new PipelineCache(gpu.device);
  }

  /** A storage buffer with these contents. */
  buffer(data: Data): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const size = Math.max(16, Math.ceil(data.byteLength / 16) * 16); // shaders bind arrays of vec4
    const buffer = this.#own(this.gpu.device.createBuffer({ size, usage }));
    this.gpu.device.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    return buffer;
  }

  /** The `State` uniform. */
  state({ position, rows }: At, fields: Partial<StateValues> = {}): GPUBuffer {
    const bytes = new DataView(new ArrayBuffer(STATE_BYTES));
    packState({ ...IDLE, ...fields, position, rows }, bytes);
    return this.#uniform(bytes);
  }

  /** The `Extras` uniform. */
  extras(fields: Partial<Extras>): GPUBuffer {
    const bytes = new DataView(new ArrayBuffer(EXTRAS_BYTES));
    packExtras({ penalties: undefined, countsInput: false, masks: false, topLogprobs: 0, ...fields }, bytes);
    return this.#uniform(bytes);
  }

  /** The routing buffers of these tokens; `tiles` and `order` only where given. */
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

  /** Records, runs once, and fails on any WebGPU error. */
  async run(at: At, record: (recorder: Recorder) => void): Promise<void> {
    const { device } = this.gpu;
    device.pushErrorScope('validation');
    const recorder = new Recorder();
    record(recorder);
    const plan = await recorder.finish(device, this.#pipelines, 'case');
    device.queue.submit(plan.encode(at, Number.POSITIVE_INFINITY).map(({ commands }) => commands));
    await device.queue.onSubmittedWorkDone();
    expect((await device.popErrorScope())?.message).toBeUndefined();
  }

  async words(buffer: GPUBuffer, count: number): Promise<Uint32Array> {
    const { device } = this.gpu;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.#own(device.createBuffer({ size: buffer.size, usage }));
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const words = new Uint32Array(staging.getMappedRange().slice(0, count * 4));
    staging.unmap();
    return words;
  }

  async floats(buffer: GPUBuffer, count: number): Promise<Float32Array> {
    return new Float32Array((await this.words(buffer, count)).buffer);
  }

  /** Ends a case. */
  release(): void {
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers = [];
    expect(this.gpu.failure?.message).toBeUndefined();
  }

  #uniform({ buffer: bytes }: DataView<ArrayBuffer>): GPUBuffer {
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    const buffer = this.#own(this.gpu.device.createBuffer({ size: bytes.byteLength, usage }));
    this.gpu.device.queue.writeBuffer(buffer, 0, bytes);
    return buffer;
  }

  #own(buffer: GPUBuffer): GPUBuffer {
    this.#buffers.push(buffer);
    return buffer;
  }
}

export async function openLab(options: DeviceOptions = {}, adapter: NodeAdapter = 'default'): Promise<Lab> {
  const { gpu } = await openNodeGpu({ adapter });
  return new Lab(await openDevice(gpu, options));
}

/** One lab for the tests of a file. */
export function useLab(): () => Lab {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterEach(() => lab.release());
  afterAll(() => lab.gpu.destroy());
  return () => lab;
}

/**
 * Normalized mean square errors. f32: a rounding of 2^-24 per operation, which grows with the root of a sum's length,
 * at most 5120 here: (2^-24)^2 * 5120 = 2e-11. f16: activations and products of eight are rounded to 2^-11, once or
 * twice per term: (2^-11)^2 * 4 = 1e-6.
 */
export const F32_BOUND = 2e-11;
export const F16_BOUND = 1e-6;

/**
 * The mean square error is within `bound` times the mean square of what is expected, and no single error is more than
 * 100 times what that allows on average. `typical` is the deviation that the data were made for, where a few values
 * might all be small by cancellation.
 */
export function expectClose(found: Numbers, expected: Numbers, bound = F32_BOUND, typical = 0): void {
  expect(found.length).toBe(expected.length);
  let [errors, squares, worst] = [0, 0, 0];
  for (let at = 0; at < expected.length; at++) {
    const error = found[at]! - expected[at]!;
    errors += error * error;
    squares += expected[at]! ** 2;
    worst = Math.max(worst, Math.abs(error));
  }
  const power = Math.max(squares / expected.length, typical ** 2);
  expect(errors / expected.length / power).toBeLessThan(bound); // fails on NaN
  expect(worst).toBeLessThan(100 * Math.sqrt(bound * power));
}
