/** Trials on the engine's device: their buffers, and compiling, running and reading them. */
import type { Gpu } from '../../gpu/device.ts';
import type { PipelineCache } from '../../gpu/kernel.ts';
import { type At, type Plan, type PlannedDispatch, Recorder } from '../../gpu/plan.ts';
import { attention } from '../../kernels/attention.ts';
import { groupByExpert } from '../../kernels/expert-tiles.ts';
import { matmul } from '../../kernels/matmul.ts';
import { matvec } from '../../kernels/matvec.ts';
import { packState, STATE_BYTES } from '../../kernels/state.ts';
import { numTiles } from '../../kernels/tiles.ts';
import { type Activations, type KernelOptions, kernelOptions } from '../../kernels/variants.ts';
import { PIECE } from '../memory/activations.ts';
import type { AttentionWork, ProjectionWork, TrialBench } from './bench.ts';

interface Trial {
  readonly at: At;
  readonly y: GPUBuffer;
  readonly record: (recorder: Recorder, options: KernelOptions) => void;
  plan?: Plan;
  dispatches: readonly PlannedDispatch[];
}

/** A buffer with these contents, or of so many bytes; default for storage. */
type MakeBuffer = (content: Uint32Array<ArrayBuffer> | number, usage?: number) => GPUBuffer;

/** @param pipelines the model's own, so that what is compiled for a trial need not be compiled again */
export function createWorkbench(gpu: Gpu, pipelines: PipelineCache, activations: Activations): TrialBench {
  const { device, facts } = gpu;
  let buffers: GPUBuffer[] = [];
  let trials: Trial[] = [];

  const buffer: MakeBuffer = (content, usage = GPUBufferUsage.STORAGE) => {
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

  const submit = (encode: (encoder: GPUCommandEncoder) => void): void => {
    const encoder = device.createCommandEncoder();
    encode(encoder);
    device.queue.submit([encoder.finish()]);
  };

  return {
    async add(work) {
      const trial = work.kind === 'projection' ? projectionTrial(buffer, work) : attentionTrial(buffer, work);
      return trials.push({ ...trial, dispatches: [] }) - 1;
    },
    async prepare(index, chosen) {
      const trial = trials[index]!;
      const recorder = new Recorder();
      trial.record(recorder, kernelOptions(facts, activations, chosen));
      trial.plan?.destroy();
      trial.plan = await recorder.finish(device, pipelines, 'trial');
      trial.dispatches = trial.plan.dispatches(trial.at);
      return trial.dispatches.map(({ kernel, label }) => `${kernel} (${label})`).join(' + ');
    },
    async run(index, repeats) {
      const { dispatches } = trials[index]!;
      const start = performance.now();
      submit((encoder) => {
        const pass = encoder.beginComputePass();
        for (let repeat = 0; repeat < repeats; repeat++) for (const dispatch of dispatches) dispatch.encode(pass);
        pass.end();
      });
      await device.queue.onSubmittedWorkDone();
      return (performance.now() - start) / 1000;
    },
    async read(index) {
      const { y } = trials[index]!;
      const readback = buffer(y.size, GPUBufferUsage.MAP_READ);
      submit((encoder) => encoder.copyBufferToBuffer(y, 0, readback, 0, y.size));
      await readback.mapAsync(GPUMapMode.READ);
      if (gpu.failure) throw gpu.failure;
      return new Float32Array(readback.getMappedRange().slice(0));
    },
    async clear() {
      for (const made of buffers) made.destroy();
      for (const { plan } of trials) plan?.destroy();
      [buffers, trials] = [[], []];
    },
  };
}

function projectionTrial(buffer: MakeBuffer, work: ProjectionWork): Omit<Trial, 'dispatches'> {
  const { use, rows, layout, slots, blobs } = work;
  const { epilogue, part } = use;
  const { storage, numExperts, outputs } = use.matrix;
  const at = { position: 0, rows };
  const shard = {
    buffer: buffer(blobs ?? slots * layout.length * 4),
    firstExpert: 0,
    numExperts: slots,
    firstOutput: 0,
    outputs,
    layout,
  };
  const request = {
    label: `${storage.kind} ${part ?? ''} ${epilogue}`,
    state: stateAt(buffer, at),
    routing: {
      routes: buffer(work.routes),
      order: buffer(4 * rows),
      tiles: buffer(12 * numTiles(rows, numExperts ?? 0)),
    },
    matrix: { ...use.matrix, shards: [shard] },
    x: buffer(work.x),
    y: buffer(work.y),
    epilogue,
    part,
    norm: use.norm ? { weight: buffer(work.weight), eps: work.eps } : undefined,
  };
  return {
    at,
    y: request.y,
    record(recorder, options) {
      if (rows === 1) return matvec(recorder, options, request);
      if (numExperts) groupByExpert(recorder, { ...request, numExperts, maxRows: rows });
      matmul(recorder, options, request);
    },
  };
}

function attentionTrial(
  buffer: MakeBuffer,
  { shape, keys, rows, slots, qkv, kv }: AttentionWork,
): Omit<Trial, 'dispatches'> {
  const { numHeads, headDim } = shape;
  const at = { position: keys - rows, rows };
  const region = buffer(kv);
  const maxPartials = rows === 1 ? slots / PIECE : 1;
  const request = {
    state: stateAt(buffer, at),
    qkv: buffer(qkv),
    partials: buffer(rows * numHeads * maxPartials * (headDim + 2) * 4),
    y: buffer(rows * numHeads * headDim * 4),
    shape,
    regions: [{ first: 0, slots, buffer: () => region }],
    piece: rows === 1 ? PIECE : undefined,
    maxPartials,
  };
  return { at, y: request.y, record: (recorder, options) => attention(recorder, options, request) };
}

/** The `State` uniform. */
function stateAt(buffer: MakeBuffer, at: At): GPUBuffer {
  const words = new Uint32Array(STATE_BYTES / 4);
  const idle = { temperature: 0, top_p: 1, top_k: 0, min_p: 0, random: 0, force_routes: 0 };
  packState({ ...at, ...idle }, new DataView(words.buffer));
  return buffer(words, GPUBufferUsage.UNIFORM);
}
