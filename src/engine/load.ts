/** From a model's folder to the parts of an engine: tokenizer, template and sampling defaults first, then the weights. */

import { createChatTemplate } from '../chat/template.ts';
import { findChatTemplate } from '../chat/template-source.ts';
import { parseJson } from '../checkpoint/json.ts';
import { type ErrorCode, OutriderError } from '../errors.ts';
import { type GenerationConfig, parseGenerationConfig } from '../model/generation-config.ts';
import type { loadModel as LoadModel } from '../model/load.ts';
import { type ModelSource, readText } from '../storage/source.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer/tokenizer.ts';
import type { EngineParts, SamplingFields } from './engine.ts';
import type { ModelFacts } from './facts.ts';
import { type LoadProgress, type PhaseProgress, trackProgress } from './progress.ts';

/** Loads the weights; `model/load.ts` does it on a GPU, tests bring a fake. */
export type ModelLoader = typeof LoadModel;

export interface LoadOptions {
  /** Default: `navigator.gpu`. */
  readonly gpu?: GPU | undefined;
  /** Tokens, prompt and answer together. Default: the least of the model's own and 8192. */
  readonly contextLength?: number | undefined;
  /** How products are computed. Default 'f32', the lossless one. */
  readonly activations?: 'f32' | 'f16' | undefined;
  /** Default 'high-performance'. */
  readonly powerPreference?: GPUPowerPreference | undefined;
  /** 'as-written': do not correct the stale `rope_scaling` of Scout's published config. */
  readonly ropeScaling?: 'as-written' | undefined;
  /** Called with every file and every few megabytes. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Stops loading; nothing is left on the GPU. */
  readonly signal?: AbortSignal | undefined;
}

/** Llama 4's `tokenizer.json` has 28 MB; the template and the configs are kilobytes. */
const MAX_TOKENIZER_BYTES = 256 << 20;
const MAX_TEXT_BYTES = 16 << 20;

/**
 * @param name becomes the model's id
 * @param loadModel how weights get onto the GPU
 * @throws OutriderError of any code of loading; nothing is left on the GPU then
 */
export async function loadEngineParts(
  source: ModelSource,
  name: string,
  options: LoadOptions,
  loadModel: ModelLoader,
): Promise<{ parts: EngineParts; facts: ModelFacts }> {
  const { onProgress = () => {}, signal, ...modelOptions } = options;
  const report = trackProgress(onProgress);
  if ((await source.stat('config.json', { signal })) === undefined) throw noModel(source);
  const { tokenizer, template, generation, notices } = await loadTexts(source, report, signal);
  const downgrades = [...notices];
  const model = await loadModel(source, {
    ...modelOptions,
    numTokens: tokenizer.numTokens,
    onProgress: (weights) => {
      report({ phase: 'weights', ...weights });
      if (weights.loaded === weights.total) report({ phase: 'pipelines', loaded: 0, total: 1, file: '' });
    },
    onDowngrade: (message) => downgrades.push(message),
    signal,
  });
  const defaults = samplingDefaults(generation);
  const endIds = new Set([...model.config.eosTokenIds, ...(generation.eosTokenIds ?? [])]);
  const { contextLength, schedule, config, adapter, bytes } = model;
  report({ phase: 'pipelines', loaded: 1, total: 1, file: '' });
  return {
    parts: { model, tokenizer, template, endIds, defaults, downgrades },
    facts: {
      id: name,
      contextLength,
      chunk: schedule.chunk,
      layers: schedule.layers,
      numLocalExperts: config.numLocalExperts,
      adapter,
      bytes: { ...bytes, total: bytes.weights + bytes.kv + bytes.activations },
      defaults,
    },
  };
}

async function loadTexts(
  source: ModelSource,
  report: (progress: PhaseProgress) => void,
  signal: AbortSignal | undefined,
) {
  let loaded = 0;
  const read = async (file: string, maxBytes: number) => {
    report({ phase: 'tokenizer', loaded, total: 0, file });
    const text = await readText(source, file, maxBytes, { signal });
    loaded += text?.length ?? 0; // bytes but for a few characters
    return text;
  };
  const readJson = async (file: string, code: ErrorCode) => {
    const text = await read(file, MAX_TEXT_BYTES);
    return text === undefined ? undefined : parseJson(text, file, code);
  };
  const tokenizerConfig = await readJson('tokenizer_config.json', 'tokenizer_invalid');
  const jinja = await read('chat_template.jinja', MAX_TEXT_BYTES);
  const generationJson = await readJson('generation_config.json', 'config_unsupported');
  const tokenizer = loadTokenizer(await read('tokenizer.json', MAX_TOKENIZER_BYTES), tokenizerConfig, source);
  report({ phase: 'tokenizer', loaded, total: loaded, file: '' });
  const generation = parseGenerationConfig(generationJson ?? {}); // the file is optional
  return {
    tokenizer,
    template: createChatTemplate(findChatTemplate(jinja, tokenizerConfig), tokenizer),
    generation: generation.config,
    notices: generation.notices,
  };
}

function loadTokenizer(text: string | undefined, tokenizerConfig: unknown, source: ModelSource): Tokenizer {
  if (text === undefined) {
    throw new OutriderError(
      'tokenizer_invalid',
      `${source.label} has no tokenizer.json, which every chat needs. Add it to the folder.`,
      {
        details: { source: source.label },
      },
    );
  }
  return createTokenizer(parseJson(text, 'tokenizer.json', 'tokenizer_invalid'), tokenizerConfig);
}

/** OpenAI's defaults (temperature 1, everything kept), overridden by the model's own. */
function samplingDefaults({ temperature, topP, topK, minP }: GenerationConfig): SamplingFields {
  return { temperature: temperature ?? 1, topP: topP ?? 1, topK: topK ?? 0, minP: minP ?? 0 };
}

function noModel(source: ModelSource): OutriderError {
  return new OutriderError(
    'model_not_found',
    `${source.label} has no config.json. Check the address of the model's folder.`,
    {
      details: { source: source.label },
    },
  );
}
