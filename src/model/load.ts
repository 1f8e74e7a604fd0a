/** From a reader to a runner: headers, config, device, room for everything, weights, plans. */
import { OutriderError } from '../errors.ts';
import { type AdapterFacts, openDevice } from '../gpu/device.ts';
import { type ModelConfig, parseConfig } from './config.ts';
import { GpuRunner } from './gpu-runner.ts';
import { KvCache } from './kv-cache.ts';
import { allocateModel, fillWeights, type Model, type ModelOptions } from './model.ts';
import type { KvDtype } from '../kernels/attention.ts';
import type { CompletionProgress, ModelReader } from './reader.ts';
import type { Runner } from './runner.ts';

const DEFAULT_CONTEXT_LENGTH = 8192;

export interface LoadOptions extends ModelOptions {
  /** Default `navigator.gpu`. */
  readonly gpu?: GPU | undefined;
  /** Tokens; default the least of the config's and 8192. */
  readonly contextLength?: number | undefined;
  /** Keys and values; default 'f32', which is lossless. 'f16' takes half the room. */
  readonly kvDtype?: KvDtype | undefined;
  readonly powerPreference?: GPUPowerPreference | undefined;
  /** false: do not use these features even where present. */
  readonly f16?: boolean | undefined;
  readonly subgroups?: boolean | undefined;
  /** 'as-written': do not correct Scout's stale rope_scaling. */
  readonly ropeScaling?: 'as-written' | undefined;
  /** Ids that the tokenizer knows: the sampler never chooses others. Default all. */
  readonly numTokens?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of weights on the GPU so far, of all, and the file being read. */
  readonly onProgress?: ((progress: { loaded: number; total: number; file: string }) => void) | undefined;
  /** What happens to the files beside that: the rest of a download, hashes. */
  readonly onCompletion?: ((progress: CompletionProgress) => void) | undefined;
  /** The weights are there; shaders are compiled now. */
  readonly onPipelines?: (() => void) | undefined;
  /** What was done otherwise than asked or written. */
  readonly onDowngrade?: ((message: string) => void) | undefined;
}

export interface LoadedModel extends Runner {
  readonly adapter: AdapterFacts;
  /** Bytes on the GPU: weights, keys and values so far, and what a run writes. */
  readonly bytes: { readonly weights: number; readonly kv: number; readonly activations: number };
}

/** On failure nothing stays on the GPU. The reader is left open. */
export async function loadModel(reader: ModelReader, options: LoadOptions = {}): Promise<LoadedModel> {
  const { signal, onProgress, onCompletion, kvDtype } = options;
  const facts = await reader.inspect({ signal });
  const { config, notices } = parseConfig(facts.configJson, { ropeScaling: options.ropeScaling });
  for (const notice of [...facts.notices, ...notices]) options.onDowngrade?.(notice);
  const contextLength = chooseContextLength(options.contextLength, config);
  const gpu = await openDevice(options.gpu ?? globalThis.navigator?.gpu, options);
  try {
    const model = await allocateModel(gpu, reader, config, options);
    await proveRoomForKv(model, contextLength, kvDtype);
    const total = model.bytes.read;
    onProgress?.({ loaded: 0, total, file: '' });
    await fillWeights(model, reader, {
      signal,
      onProgress: (loaded, file) => onProgress?.({ loaded, total, file }),
    });
    for await (const progress of reader.complete({ signal })) onCompletion?.(progress);
    options.onPipelines?.();
    const runner = await GpuRunner.create(model, { contextLength, kvDtype, numTokens: options.numTokens });
    if (gpu.failure) throw gpu.failure;
    return Object.assign(runner, { adapter: gpu.facts });
  } catch (error) {
    const failure = gpu.failure;
    gpu.destroy();
    throw failure ?? error;
  }
}

/** Allocates keys and values for the whole context and lets go of them again: a refusal must come before the download. */
async function proveRoomForKv(model: Model, contextLength: number, kvDtype: KvDtype | undefined): Promise<void> {
  const { gpu, config, schedule } = model;
  const maxBinding = gpu.facts.maxStorageBufferBindingSize;
  const kv = new KvCache(gpu.device, config, schedule, contextLength, maxBinding, kvDtype);
  try {
    await kv.reserve(contextLength);
  } finally {
    kv.destroy();
  }
}

function chooseContextLength(wanted: number | undefined, config: ModelConfig): number {
  const most = config.maxPositionEmbeddings;
  if (wanted === undefined) return Math.min(most, DEFAULT_CONTEXT_LENGTH);
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= most) return wanted;
  throw new OutriderError(
    'invalid_request',
    `contextLength is ${wanted}; it must be a whole number of tokens from 1 to the model's ${most}.`,
    {
      details: { contextLength: wanted, most },
    },
  );
}
