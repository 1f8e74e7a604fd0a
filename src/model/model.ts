/** A model on one device, with everything decided that does not depend on a timeline. */
import { OutriderError } from '../errors.ts';
import type { Gpu } from '../gpu/device.ts';
import { kernelsHash, PipelineCache } from '../gpu/kernel.ts';
import type { KvDtype } from '../kernels/attention.ts';
import { MAX_EXPERTS } from '../kernels/expert-tiles.ts';
import { type Activations, type KernelOptions, kernelOptions, namesIn, variantNames } from '../kernels/variants.ts';
import type { ModelConfig } from './config.ts';
import type { Schedule } from './irope.ts';
import type { BufferPlan } from './layout/layout.ts';
import type { Requantization } from './layout/storage.ts';
import type { ModelReader, ReadAbort } from './reader.ts';
import type { VariantsOption, VariantTable } from './tuning/tuning.ts';
import { createWorkbench } from './tuning/workbench.ts';
import { Uploader } from './upload.ts';
import { mapWeights, type Weights } from './weights.ts';

export interface Model {
  readonly gpu: Gpu;
  readonly config: ModelConfig;
  readonly schedule: Schedule;
  readonly weights: Weights;
  /** By the layout's numbers. */
  readonly buffers: readonly GPUBuffer[];
  readonly options: KernelOptions;
  /** Which variants the options name, and why. */
  readonly variants: VariantTable;
  readonly pipelines: PipelineCache;
  /** Bytes of weights: as read from the source, and as allocated on the GPU. */
  readonly bytes: { readonly read: number; readonly weights: number };
}

export interface ModelOptions extends Requantization {
  /**
   * Default 'f32', which is lossless; 'f16' computes products in half precision and needs `shader-f16`; 'int8' rounds what
   * int4 weights are multiplied with, one token at a time. Neither is ever chosen unasked.
   */
  readonly activations?: Activations | undefined;
  /** Which of the lossless ways to compute each family of kernels; default 'auto': the fastest here. */
  readonly variants?: VariantsOption | undefined;
  /** Keys and values; default 'f32', which is lossless. 'f16' takes half the room. */
  readonly kvDtype?: KvDtype | undefined;
}

/** What allocating can be told beside what a model is. */
export interface AllocateOptions extends ModelOptions, ReadAbort {}

export interface FillOptions extends ReadAbort {
  /** Called with the bytes of weights that have been handed to the GPU. */
  readonly onProgress?: ((loaded: number, file: string) => void) | undefined;
}

/**
 * Has the kernels chosen and checked, and allocates every weight buffer, so that a refusal costs no download. Throws
 * `gpu_incorrect`, `gpu_out_of_memory` and what layouts throw.
 */
export async function allocateModel(
  gpu: Gpu,
  reader: ModelReader,
  config: ModelConfig,
  { activations = 'f32', quantizeOnLoad, recipe, variants, kvDtype, signal }: AllocateOptions = {},
): Promise<Model> {
  const { device, facts } = gpu;
  if (activations === 'f16' && !facts.f16) {
    throw new OutriderError(
      'invalid_request',
      "activations: 'f16' needs the WebGPU feature shader-f16, which is not enabled here. Use the default, 'f32'.",
    );
  }
  if (config.numLocalExperts > MAX_EXPERTS) {
    throw new OutriderError(
      'config_unsupported',
      `num_local_experts is ${config.numLocalExperts}; at most ${MAX_EXPERTS} are supported.`,
    );
  }
  const maxBytes = Math.min(facts.maxBufferSize, facts.maxStorageBufferBindingSize);
  const placed = await reader.layOut({ maxBytes, quantizeOnLoad, recipe });
  const pipelines = new PipelineCache(device);
  const asked = variants === undefined || variants === 'auto' ? {} : variants;
  kernelOptions(facts, activations, asked); // throws for names that the adapter does not have
  const names = variantNames(facts, activations);
  const request = { facts, kernels: kernelsHash(), names, asked, activations, kvDtype };
  const table = await reader.tune(request, createWorkbench(gpu, pipelines, activations), { signal });
  const buffers = await allocate(device, placed.buffers);
  return {
    gpu,
    config,
    schedule: placed.schedule,
    weights: mapWeights(placed.weights, (index) => buffers[index]!),
    buffers,
    options: kernelOptions(facts, activations, namesIn(table)),
    variants: table,
    pipelines,
    bytes: { read: placed.bytes, weights: placed.buffers.reduce((sum, { size }) => sum + size, 0) },
  };
}

/** Streams the weights into the model's buffers. */
export async function fillWeights(model: Model, reader: ModelReader, options: FillOptions = {}): Promise<void> {
  const { gpu, buffers } = model;
  const uploader = new Uploader(gpu.device, (index) => buffers[index]!);
  try {
    for await (const piece of reader.pieces(options)) {
      await uploader.upload(piece);
      if (gpu.failure) throw gpu.failure;
      options.onProgress?.(piece.loaded, piece.file);
    }
    await uploader.finish();
    if (gpu.failure) throw gpu.failure;
  } finally {
    uploader.destroy();
  }
}

/** Both. On failure the device is destroyed: nothing stays on the GPU. */
export async function loadWeights(
  gpu: Gpu,
  reader: ModelReader,
  config: ModelConfig,
  options: AllocateOptions & FillOptions = {},
): Promise<Model> {
  return orDestroy(gpu, async () => {
    const model = await allocateModel(gpu, reader, config, options);
    await fillWeights(model, reader, options);
    return model;
  });
}

/** Where `work` fails, destroys the device and throws what went wrong with it first. */
export async function orDestroy<T>(gpu: Gpu, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const failure = gpu.failure;
    gpu.destroy();
    throw failure ?? error;
  }
}

/** A scope per buffer, so that a refusal can say how much there was room for. */
async function allocate(device: GPUDevice, plans: readonly BufferPlan[]): Promise<GPUBuffer[]> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const buffers: GPUBuffer[] = [];
  const refusals = plans.map(async ({ label, size }) => {
    device.pushErrorScope('validation'); // some browsers report a refused buffer here
    device.pushErrorScope('out-of-memory');
    buffers.push(device.createBuffer({ label, size, usage }));
    const scopes = [device.popErrorScope(), device.popErrorScope()];
    const [memory, validation] = await Promise.all(scopes);
    return memory ?? validation;
  });
  const errors = await Promise.all(refusals);
  const refused = errors.findIndex((error) => error);
  if (refused < 0) return buffers;
  for (const buffer of buffers) buffer.destroy();
  const sum = (list: readonly BufferPlan[]) => list.reduce((total, { size }) => total + size, 0);
  const [bytes, available] = [sum(plans), sum(plans.slice(0, refused))];
  throw new OutriderError(
    'gpu_out_of_memory',
    `The weights need ${bytes} bytes on the GPU; it refused ${plans[refused]!.label} after ${available} bytes: ${errors[refused]!.message}. Close other GPU-heavy tabs, or use a smaller checkpoint.`,
    { details: { bytes, available, tensor: plans[refused]!.label } },
  );
}
