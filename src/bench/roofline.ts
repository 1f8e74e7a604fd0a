/** What an adapter can do at all: bytes and operations per second, and what a dispatch and a round trip cost. */
import dispatchSource from '../../shaders/bench/dispatch-cost.wgsl?raw';
import flopSource from '../../shaders/bench/flop-rate.wgsl?raw';
import readSource from '../../shaders/bench/read-rate.wgsl?raw';
import { defineKernel, type Kernel, type Variant } from '../gpu/kernel.ts';
import { foldGrid } from '../gpu/plan.ts';
import { encodeAll, type Lab } from './lab.ts';
import type { Roofline } from './results.ts';
import { median, type TimingOptions } from './timing.ts';

const readKernel = defineKernel('read-rate', readSource);
const flopKernel = defineKernel('flop-rate', flopSource);
const dispatchKernel = defineKernel('dispatch-cost', dispatchSource);

export const benchKernels = [readKernel, flopKernel, dispatchKernel] as const;

export interface RooflineOptions {
  /** Bytes that are read. Default 256 MiB: more than any cache beside a GPU. */
  readonly bytes?: number | undefined;
  /** Of each figure; default 5. */
  readonly samples?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Ways to share out the reads; the fastest is the roofline. */
const READERS = [
  { WORKGROUP: 64, EACH: 64 },
  { WORKGROUP: 64, EACH: 256 },
  { WORKGROUP: 256, EACH: 16 },
  { WORKGROUP: 256, EACH: 64 },
];
const FLOP_THREADS = { software: 64 * 64, hardware: 64 * 4096 };
const FLOP_STEPS = 256;
const FLOPS_PER_STEP = 64;
const DISPATCHES = 256;
const ROUND_TRIPS = 20;

/** Throws the signal's reason, and what `Lab.scoped` throws. */
export function measureRoofline(lab: Lab, options: RooflineOptions = {}): Promise<Roofline> {
  const { bytes = 256 << 20, samples = 5, signal } = options;
  const timing = { seconds: 0.1, samples, signal };
  return lab.scoped(`${bytes} bytes to read`, async () => {
    const dispatchSeconds = await timeDispatch(lab, signal);
    const roundTripSeconds = await timeRoundTrip(lab);
    const flopRate = await rateFlops(lab, timing);
    const readRate = await rateReads(lab, bytes, timing);
    return { readRate, readBytes: bytes, flopRate, dispatchSeconds, roundTripSeconds };
  });
}

/** The better of two, one measured before and one after others had the machine. */
export function better(a: Roofline, b: Roofline): Roofline {
  return {
    readBytes: Math.max(a.readBytes, b.readBytes),
    readRate: Math.max(a.readRate, b.readRate),
    flopRate: Math.max(a.flopRate, b.flopRate),
    dispatchSeconds: Math.min(a.dispatchSeconds, b.dispatchSeconds),
    roundTripSeconds: Math.min(a.roundTripSeconds, b.roundTripSeconds),
  };
}

async function rateReads(lab: Lab, bytes: number, timing: TimingOptions): Promise<number> {
  const { maxBufferSize, maxStorageBufferBindingSize } = lab.gpu.facts;
  const count = Math.ceil(bytes / Math.min(maxBufferSize, maxStorageBufferBindingSize, 128 << 20));
  const size = bytes / count;
  const unlikely = lab.room(4);
  const sources = Array.from({ length: count }, () => lab.room(size));
  fillWithNoise(lab, sources);
  let best = 0;
  for (const overrides of READERS) {
    const dispatches = await lab.record({ position: 0, rows: 1 }, (recorder) => {
      for (const source of sources) {
        recorder.dispatch({
          variant: simple(readKernel, overrides),
          buffers: { source, unlikely },
          params: {},
          grid: foldGrid(size / 16, overrides.WORKGROUP * overrides.EACH),
          cost: () => ({ bytes: size, flops: 0 }),
        });
      }
    });
    const seconds = await lab.timer.time(encodeAll(dispatches), { ...timing, repeats: 5 });
    best = Math.max(best, bytes / seconds);
  }
  return best;
}

/** Memory that was never written may not be there at all. */
function fillWithNoise(lab: Lab, buffers: readonly GPUBuffer[]): void {
  const { device } = lab.gpu;
  const noise = Uint32Array.from({ length: 1 << 18 }, (_, index) => Math.imul(index + 1, 0x9e3779b1));
  const tile = lab.buffer(noise);
  const encoder = device.createCommandEncoder();
  for (const buffer of buffers) {
    for (let at = 0; at < buffer.size; at += tile.size)
      encoder.copyBufferToBuffer(tile, 0, buffer, at, Math.min(tile.size, buffer.size - at));
  }
  device.queue.submit([encoder.finish()]);
}

async function rateFlops(lab: Lab, timing: TimingOptions): Promise<number> {
  const threads = lab.gpu.facts.software ? FLOP_THREADS.software : FLOP_THREADS.hardware;
  const flops = threads * FLOP_STEPS * FLOPS_PER_STEP;
  const [dispatch] = await lab.record({ position: 0, rows: 1 }, (recorder) =>
    recorder.dispatch({
      variant: simple(flopKernel, { STEPS: FLOP_STEPS }),
      buffers: { unlikely: lab.room(4) },
      params: { factor: 0.5, term: 0.25 },
      grid: foldGrid(threads, 64),
      cost: () => ({ bytes: 0, flops }),
    }),
  );
  const seconds = await lab.timer.time(dispatch!.encode, timing);
  return flops / seconds;
}

/** By the clock: what encoding and submitting cost is a part of it. */
async function timeDispatch(lab: Lab, signal: AbortSignal | undefined): Promise<number> {
  const { device } = lab.gpu;
  const [dispatch] = await lab.record({ position: 0, rows: 1 }, (recorder) =>
    recorder.dispatch({
      variant: simple(dispatchKernel, {}),
      buffers: { count: lab.room(4) },
      params: {},
      grid: [1, 1, 1],
      cost: () => ({ bytes: 8, flops: 0 }),
    }),
  );
  const run = async (count: number): Promise<number> => {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let at = 0; at < count; at++) dispatch!.encode(pass);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return (performance.now() - start) / 1000;
  };
  await run(DISPATCHES);
  const found: number[] = [];
  for (let sample = 0; sample < 7; sample++) {
    signal?.throwIfAborted();
    const [few, many] = [await run(1), await run(1 + DISPATCHES)];
    found.push((many - few) / DISPATCHES);
  }
  return median(found);
}

async function timeRoundTrip(lab: Lab): Promise<number> {
  const buffer = lab.room(4);
  const found: number[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const start = performance.now();
    await lab.floats(buffer, 1);
    found.push((performance.now() - start) / 1000);
  }
  return median(found);
}

function simple(kernel: Kernel, overrides: Readonly<Record<string, number>>): Variant {
  return { kernel, overrides, elem: 'f32', subgroups: false };
}
