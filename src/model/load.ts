/** From a reader to a runner: headers, config, device, room for everything, weights, plans. */
import { OutriderError } from '../errors.ts';
import { type AdapterFacts, openDevice } from '../gpu/device.ts';
import type { KvDtype } from '../kernels/attention.ts';
import { GpuRunner } from './gpu-runner.ts';
import { KvCache } from './kv-cache.ts';
import { allocateModel, fillWeights, type Model, type ModelOptions, orDestroy } from './model.ts';
import type { ModelReader } from './reader.ts';
import type { Runner } from './runner.ts';
import type { VariantTable } from './tuning/tuning.ts';

export interface LoadOptions extends ModelOptions {
  /** Default `navigator.gpu`. */
  readonly gpu?: GPU | undefined;
  /** Bytes of GPU memory that the model may use; where it needs more, `model_too_large` comes before any download. */
  readonly budget?: number | undefined;
  /** Tokens; default the least of the model's, 8192 and what the budget allows. */
  readonly contextLength?: number | undefined;
  readonly powerPreference?: GPUPowerPreference | undefined;
  /** false: do not use these features even where present. */
  readonly f16?: boolean | undefined;
  readonly subgroups?: boolean | undefined;
  /** Ids that the tokenizer knows: the sampler never chooses others. Default all. */
  readonly numTokens?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of weights on the GPU so far, of all, and the file being read. */
  readonly onProgress?: ((progress: { loaded: number; total: number; file: string }) => void) | undefined;
  /** What happens to the files beside that: the rest of a download, hashes. */
  readonly onCompletion?:
    | ((progress: { phase: 'download' | 'verify'; loaded: number; total: number; file: string }) => void)
    | undefined;
  /** Kernels are being chosen and checked, before any weight is read. */
  readonly onKernels?: (() => void) | undefined;
  /** The weights are there; shaders are compiled now. */
  readonly onPipelines?: (() => void) | undefined;
  /** What was done otherwise than asked or written. */
  readonly onDowngrade?: ((message: string) => void) | undefined;
}

export interface LoadedModel extends Runner {
  readonly adapter: AdapterFacts;
  /** How each family of kernels is computed here, and why so. */
  readonly variants: VariantTable;
  /** Bytes on the GPU: weights, keys and values so far, and what a run writes. */
  readonly bytes: { readonly weights: number; readonly kv: number; readonly activations: number };
  /** Bytes of the budget that a full context leaves; undefined without a budget. */
  readonly spareBytes: number | undefined;
}

/** A hash that is wrong again after a second download is an error of the reader's; this bounds readings of right files. */
const MAX_FILLS = 3;

/** On failure nothing stays on the GPU. The reader is left open. */
export async function loadModel(reader: ModelReader, options: LoadOptions = {}): Promise<LoadedModel> {
  const { signal, kvDtype } = options;
  const { config, notices } = await reader.inspect({ signal });
  for (const notice of notices) options.onDowngrade?.(notice);
  const gpu = await openDevice(options.gpu ?? globalThis.navigator?.gpu, options);
  return orDestroy(gpu, async () => {
    const { budget, quantizeOnLoad, recipe } = options;
    const { contextLength, spareBytes } = await reader.chooseContext({
      ...{ budget, contextLength: options.contextLength, kvDtype, quantizeOnLoad, recipe },
      adapterLimits: gpu.facts,
    });
    options.onKernels?.();
    const model = await allocateModel(gpu, reader, config, options);
    await proveRoomForKv(model, contextLength, kvDtype);
    await fillAndComplete(model, reader, options);
    options.onPipelines?.();
    const runner = await GpuRunner.create(model, { contextLength, kvDtype, numTokens: options.numTokens });
    if (gpu.failure) throw gpu.failure;
    return Object.assign(runner, { adapter: gpu.facts, variants: model.variants, spareBytes });
  });
}

/** Weights onto the GPU and files into the cache; once more where hashes say that something had arrived damaged. */
async function fillAndComplete(model: Model, reader: ModelReader, options: LoadOptions): Promise<void> {
  const { signal, onProgress, onCompletion } = options;
  const total = model.bytes.read;
  onProgress?.({ loaded: 0, total, file: '' });
  for (let fill = 1; ; fill++) {
    await fillWeights(model, reader, {
      signal,
      onProgress: (loaded, file) => onProgress?.({ loaded, total, file }),
    });
    let isReplaced = false;
    for await (const { phase, ...progress } of reader.complete({ signal })) {
      if (phase === 'replaced') isReplaced = true;
      else onCompletion?.({ ...progress, phase });
    }
    if (!isReplaced) return;
    if (fill === MAX_FILLS) {
      throw new OutriderError('checksum_mismatch', `The weights arrived damaged ${MAX_FILLS} times. Load again.`);
    }
  }
}

/** Allocates keys and values for the whole context and lets go of them again: a refusal must come before the download. */
async function proveRoomForKv(model: Model, contextLength: number, kvDtype: KvDtype | undefined): Promise<void> {
  const { gpu, config, schedule } = model;
  const { maxStorageBufferBindingSize: maxBinding } = gpu.facts;
  const kv = new KvCache(gpu.device, config, schedule, contextLength, maxBinding, kvDtype);
  try {
    await kv.reserve(contextLength);
  } finally {
    kv.destroy();
  }
}
