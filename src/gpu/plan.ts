/**
 * A plan is a list of dispatches and copies, recorded once; running it creates nothing. What changes between runs,
 * position and rows, is in the `State` uniform for the shaders, and in grids that are functions of it for the CPU.
 */
import { type Pipeline, type PipelineCache, packFields, type Variant } from './kernel.ts';

/** What a run is about: rows position .. position + rows - 1. */
export interface At {
  readonly position: number;
  readonly rows: number;
  /** Logits are adjusted before the choice. */
  readonly adjusts?: boolean | undefined;
  /** Log-probabilities are wanted. */
  readonly logprobs?: boolean | undefined;
}

/** What a dispatch costs at least: bytes that it must read or write once in all, and floating-point operations. */
export interface Cost {
  readonly bytes: number;
  readonly flops: number;
}

export type Grid = readonly [number, number, number];
export type Buffers = Readonly<Record<string, GPUBuffer>>;

export interface DispatchRequest {
  readonly variant: Variant;
  /** What it is in the model ('qkv', 'gate_up', ...); default the kernel's name. */
  readonly label?: string | undefined;
  /** By the names in the WGSL, without `params`. A function is called when a run first needs them: KV segments. */
  readonly buffers: Buffers | (() => Buffers);
  readonly params: Readonly<Record<string, number>>;
  /** Workgroups; zero in any dimension skips the dispatch. */
  readonly grid: Grid | ((at: At) => Grid);
  readonly cost: (at: At) => Cost;
}

/** A part of a run that is submitted at once. */
export interface Submit {
  readonly commands: GPUCommandBuffer;
  readonly flops: number;
}

/** A dispatch of a run, for accounting and for timing it alone. */
export interface PlannedDispatch {
  readonly label: string;
  readonly kernel: string;
  readonly grid: Grid;
  readonly cost: Cost;
  /** Into a pass that is open. */
  encode(pass: GPUComputePassEncoder): void;
}

interface Dispatch {
  readonly kind: 'dispatch';
  readonly pipeline: Pipeline;
  readonly grid: (at: At) => Grid;
  readonly label: string;
  readonly cost: (at: At) => Cost;
  readonly makeBindGroup: () => GPUBindGroup;
  bindGroup: GPUBindGroup | undefined;
}

type Step =
  | Dispatch
  | {
      readonly kind: 'copy';
      readonly from: GPUBuffer;
      readonly to: GPUBuffer;
      readonly bytes: (at: At) => number;
      readonly toOffset: (at: At) => number;
    }
  | { readonly kind: 'border' };

const PARAMS_STRIDE = 256; // minUniformBufferOffsetAlignment by default

/** Collects requests, then compiles all pipelines at once and makes all bind groups. */
export class Recorder {
  readonly #requests: ((parts: PlanParts) => Promise<Step> | Step)[] = [];
  #slots = 0;

  dispatch(request: DispatchRequest): void {
    const slot = request.variant.kernel.params.length > 0 ? this.#slots++ : -1;
    const { buffers, params, grid, cost, label = request.variant.kernel.name } = request;
    this.#requests.push(async (parts) => {
      const pipeline = await parts.pipelines.get(request.variant);
      const own = parts.writeParams(pipeline, params, slot);
      const lazy = typeof buffers === 'function';
      const make = () => parts.bind(pipeline, lazy ? buffers() : buffers, own);
      return {
        kind: 'dispatch',
        pipeline,
        grid: typeof grid === 'function' ? grid : () => grid,
        label,
        cost,
        makeBindGroup: make,
        bindGroup: lazy ? undefined : make(),
      };
    });
  }

  /** Copies `bytes(at)` bytes from the start of `from` into `to`. Ends the compute pass: for taps and readbacks. */
  copy(from: GPUBuffer, to: GPUBuffer, bytes: (at: At) => number, toOffset: (at: At) => number = () => 0): void {
    this.#requests.push(() => ({ kind: 'copy', from, to, bytes, toOffset }));
  }

  /** A place where a long plan may be cut into several submits. */
  border(): void {
    this.#requests.push(() => ({ kind: 'border' }));
  }

  async finish(device: GPUDevice, pipelines: PipelineCache, label: string): Promise<Plan> {
    const parts = new PlanParts(device, pipelines, this.#slots, label);
    const steps = await Promise.all(this.#requests.map((make) => make(parts)));
    parts.upload();
    return new Plan(device, steps, parts.params);
  }
}

/** The uniform buffer with every dispatch's params, and the making of bind groups. */
class PlanParts {
  readonly pipelines: PipelineCache;
  readonly #device: GPUDevice;
  readonly params: GPUBuffer;
  readonly #bytes: DataView;

  constructor(device: GPUDevice, pipelines: PipelineCache, slots: number, label: string) {
    this.#device = device;
    this.pipelines = pipelines;
    const size = Math.max(1, slots) * PARAMS_STRIDE;
    this.params = device.createBuffer({
      label: `${label} params`,
      size,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#bytes = new DataView(new ArrayBuffer(size));
  }

  writeParams(
    { variant }: Pipeline,
    params: Readonly<Record<string, number>>,
    slot: number,
  ): GPUBufferBinding | undefined {
    if (slot < 0) return undefined;
    const { kernel } = variant;
    packFields(kernel.name, kernel.params, params, this.#bytes, slot * PARAMS_STRIDE);
    return { buffer: this.params, offset: slot * PARAMS_STRIDE, size: Math.ceil(kernel.params.length / 4) * 16 };
  }

  bind({ variant, layout }: Pipeline, buffers: Buffers, params: GPUBufferBinding | undefined): GPUBindGroup {
    const entries = variant.kernel.bindings.map(({ index, name }): GPUBindGroupEntry => {
      if (name === 'params' && params) return { binding: index, resource: params };
      const buffer = buffers[name];
      if (!buffer) throw new Error(`${variant.kernel.name}: no buffer for "${name}"`);
      return { binding: index, resource: { buffer } };
    });
    return this.#device.createBindGroup({ label: variant.kernel.name, layout, entries });
  }

  upload(): void {
    this.#device.queue.writeBuffer(this.params, 0, this.#bytes.buffer as ArrayBuffer);
  }
}

export class Plan {
  readonly #device: GPUDevice;
  readonly #steps: readonly Step[];
  readonly #params: GPUBuffer;

  constructor(device: GPUDevice, steps: readonly Step[], params: GPUBuffer) {
    this.#device = device;
    this.#steps = steps;
    this.#params = params;
  }

  /** Frees what it made itself; the buffers that it was given stay. */
  destroy(): void {
    this.#params.destroy();
  }

  /** What a run consists of, in order; dispatches that it skips are left out. */
  dispatches(at: At): PlannedDispatch[] {
    return this.#steps.flatMap((step) => {
      if (step.kind !== 'dispatch') return [];
      const grid = step.grid(at);
      if (isEmpty(grid)) return [];
      const { label, cost, pipeline } = step;
      const encode = (pass: GPUComputePassEncoder) => encodeDispatch(step, grid, pass);
      return [{ label, kernel: pipeline.variant.kernel.name, grid, cost: cost(at), encode }];
    });
  }

  /**
   * Encodes a run; at borders where `maxFlops` is passed, the work so far becomes a command buffer of its own.
   * @param after is given the last encoder, outside of a pass: for the readback
   */
  encode(at: At, maxFlops: number, after?: (encoder: GPUCommandEncoder) => void): Submit[] {
    const done: Submit[] = [];
    let encoder = this.#device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let flops = 0;
    const close = () => {
      pass?.end();
      pass = undefined;
    };
    for (const step of this.#steps) {
      if (step.kind === 'border') {
        if (flops < maxFlops) continue;
        close();
        done.push({ commands: encoder.finish(), flops });
        encoder = this.#device.createCommandEncoder();
        flops = 0;
      } else if (step.kind === 'copy') {
        close();
        encoder.copyBufferToBuffer(step.from, 0, step.to, step.toOffset(at), step.bytes(at));
      } else {
        const grid = step.grid(at);
        if (isEmpty(grid)) continue;
        flops += step.cost(at).flops;
        pass ??= encoder.beginComputePass();
        encodeDispatch(step, grid, pass);
      }
    }
    close();
    after?.(encoder);
    done.push({ commands: encoder.finish(), flops });
    return done;
  }
}

function encodeDispatch(step: Dispatch, grid: Grid, pass: GPUComputePassEncoder): void {
  step.bindGroup ??= step.makeBindGroup();
  pass.setPipeline(step.pipeline.pipeline);
  pass.setBindGroup(0, step.bindGroup);
  pass.dispatchWorkgroups(...grid);
}

function isEmpty([x, y, z]: Grid): boolean {
  return x === 0 || y === 0 || z === 0;
}

/** Workgroups for `count` items of `per` each, folded into two dimensions of at most 65,535. */
export function foldGrid(count: number, per: number): Grid {
  const groups = Math.ceil(count / per);
  if (groups <= 65_535) return [groups, 1, 1];
  const lines = Math.ceil(groups / 65_535);
  return [Math.ceil(groups / lines), lines, 1];
}
