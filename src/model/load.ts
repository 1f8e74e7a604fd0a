/** From a source to a runner: headers, config, device, weights, plans. */
import { openCheckpoint } from '../checkpoint/open.ts';
import { OutriderError } from '../errors.ts';
import { type AdapterFacts, openDevice } from '../gpu/device.ts';
import type { ModelSource } from '../storage/source.ts';
import { type ModelConfig, parseConfig } from './config.ts';
import { GpuRunner } from './gpu-runner.ts';
import { loadWeights } from './model.ts';
import type { Runner } from './runner.ts';

const DEFAULT_CONTEXT_LENGTH = 8192;

export interface LoadOptions {
  /** Default `navigator.gpu`. */
  readonly gpu?: GPU | undefined;
  /** Tokens; default the least of the config's and 8192. */
  readonly contextLength?: number | undefined;
  /** Default 'f32', which is lossless. */
  readonly activations?: 'f32' | 'f16' | undefined;
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
  /** What was done otherwise than asked or written. */
  readonly onDowngrade?: ((message: string) => void) | undefined;
}

export interface LoadedModel extends Runner {
  readonly adapter: AdapterFacts;
  /** Bytes on the GPU: weights, keys and values so far, and what a run writes. */
  readonly bytes: { readonly weights: number; readonly kv: number; readonly activations: number };
}

/** On failure nothing stays on the GPU. */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
  const { signal, onProgress } = options;
  const checkpoint = await openCheckpoint(source, { signal });
  const { config, notices } = parseConfig(checkpoint.configJson, { ropeScaling: options.ropeScaling });
  for (const notice of notices) options.onDowngrade?.(notice);
  const contextLength = chooseContextLength(options.contextLength, config);
  const gpu = await openDevice(options.gpu ?? globalThis.navigator?.gpu, options);
  let total = 0;
  const model = await loadWeights(gpu, checkpoint, config, {
    signal,
    activations: options.activations,
    onTotal: (bytes) => {
      total = bytes;
      onProgress?.({ loaded: 0, total, file: '' });
    },
    onProgress: (loaded, file) => onProgress?.({ loaded, total, file }),
  });
  try {
    const runner = await GpuRunner.create(model, { contextLength, numTokens: options.numTokens });
    if (gpu.failure) throw gpu.failure;
    return Object.assign(runner, { adapter: gpu.facts });
  } catch (error) {
    gpu.destroy();
    throw error;
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
