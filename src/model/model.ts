/** A model's weights on one device, with everything decided that does not depend on a timeline. */
import type { Checkpoint } from '../checkpoint/open.ts';
import { parseQuantization } from '../checkpoint/quantization.ts';
import { assignRoles } from '../checkpoint/roles.ts';
import { OutriderError } from '../errors.ts';
import type { Gpu } from '../gpu/device.ts';
import { PipelineCache } from '../gpu/kernel.ts';
import { MAX_EXPERTS } from '../kernels/expert-tiles.ts';
import { type KernelOptions, kernelOptions } from '../kernels/variants.ts';
import type { ModelConfig } from './config.ts';
import { type Schedule, scheduleLayers } from './irope.ts';
import { type UploadOptions, uploadWeights } from './upload.ts';
import { type GpuWeights, WeightPlan } from './weights.ts';

export interface Model {
  readonly gpu: Gpu;
  readonly config: ModelConfig;
  readonly schedule: Schedule;
  readonly weights: GpuWeights;
  readonly options: KernelOptions;
  readonly pipelines: PipelineCache;
  /** Bytes of weights: as read from the source, and as allocated on the GPU. */
  readonly bytes: { readonly read: number; readonly weights: number };
}

export interface ModelOptions extends UploadOptions {
  /** Default 'f32', which is lossless; 'f16' computes products in half precision and needs `shader-f16`. */
  readonly activations?: 'f32' | 'f16' | undefined;
  /** Told the bytes of weights that will be read, once known. */
  readonly onTotal?: ((total: number) => void) | undefined;
}

/**
 * Allocates every weight buffer, so that a refusal costs no download, then streams the weights in. On failure the device is
 * destroyed: nothing stays on the GPU.
 */
export async function loadWeights(
  gpu: Gpu,
  checkpoint: Checkpoint,
  config: ModelConfig,
  options: ModelOptions = {},
): Promise<Model> {
  try {
    const activations = options.activations ?? 'f32';
    if (activations === 'f16' && !gpu.facts.f16) {
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
    const { device, facts } = gpu;
    const tensors = assignRoles(config, checkpoint.tensors, parseQuantization(checkpoint.configJson));
    device.pushErrorScope('validation');
    device.pushErrorScope('out-of-memory');
    const plan = new WeightPlan(device, Math.min(facts.maxBufferSize, facts.maxStorageBufferBindingSize));
    const weights = plan.model(tensors);
    await checkAllocation(device, plan.allocatedBytes);
    const read = plan.jobs.reduce((sum, job) => sum + job.end - job.start, 0);
    options.onTotal?.(read);
    await uploadWeights(device, checkpoint.source, plan.jobs, options);
    if (gpu.failure) throw gpu.failure;
    return {
      gpu,
      config,
      schedule: scheduleLayers(config),
      weights,
      options: kernelOptions(facts, activations),
      pipelines: new PipelineCache(device),
      bytes: { read, weights: plan.allocatedBytes },
    };
  } catch (error) {
    const failure = gpu.failure;
    gpu.destroy();
    throw failure ?? error;
  }
}

async function checkAllocation(device: GPUDevice, bytes: number): Promise<void> {
  const memory = await device.popErrorScope();
  const validation = await device.popErrorScope(); // some browsers report a refused buffer here
  const error = memory ?? validation;
  if (!error) return;
  throw new OutriderError(
    'gpu_out_of_memory',
    `The GPU refused ${bytes} bytes for the weights: ${error.message}. Close other GPU-heavy tabs, or use a smaller checkpoint.`,
    {
      details: { bytes },
    },
  );
}
