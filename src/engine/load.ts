/** From a model's folder to the parts of an engine: tokenizer, template and sampling defaults first, then the weights. */

import { createChatTemplate } from '../chat/template.ts';
import { parseJson } from '../checkpoint/json.ts';
import { type ErrorCode, OutriderError } from '../errors.ts';
import type { GenerationConfig } from '../model/generation-config.ts';
import type { LoadedModel, loadModel as LoadModel, LoadOptions as ModelLoadOptions } from '../model/load.ts';
import type { ModelReader } from '../model/reader.ts';
import { assembleTokenizer } from '../tokenizer/assemble.ts';
import { withoutTables } from '../tokenizer/tables.ts';
import type { EngineParts } from './engine.ts';
import type { ModelFacts } from './facts.ts';
import { type LoadProgress, type ProgressReport, trackProgress } from './progress.ts';
import type { SamplingFields } from './sampling.ts';

/** Loads the weights; `model/load.ts` does it on a GPU, tests bring a fake. */
export type ModelLoader = typeof LoadModel;

/** How to load a model: what `model/load.ts` takes, but for what the engine itself answers. */
export interface LoadOptions
  extends Omit<
    ModelLoadOptions,
    'numTokens' | 'onProgress' | 'onCompletion' | 'onKernels' | 'onPipelines' | 'onDowngrade' | 'f16' | 'subgroups'
  > {
  /** Called with every file and every few megabytes. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /**
   * Bytes of GPU memory for keys and values of conversations beside the current one, so that going back to one of them
   * need not read it again; 0: none are kept. They come on top of `budget`. Default: what one full context takes, at
   * most 1 GiB, and no more than `budget` leaves. A model that just fits still runs: nothing is taken before it is used,
   * only where the GPU has it beside a full context, and it is given back when memory runs out.
   */
  readonly prefixCacheBytes?: number | undefined;
  /** Stops loading; nothing is left on the GPU. */
  readonly signal?: AbortSignal | undefined;
}

/** Llama 4's `tokenizer.json` has 28 MB; the template and the configs are kilobytes. */
const MAX_TOKENIZER_BYTES = 256 << 20;
const MAX_TEXT_BYTES = 16 << 20;
/** Where the caller says nothing: a small part of a large model's memory, and many conversations of a small one. */
const MAX_DEFAULT_CACHE_BYTES = 1 << 30;

/**
 * @param reader is left open
 * @param name becomes the model's id
 * @param loadModel how weights get onto the GPU
 * @throws OutriderError of any code of loading; nothing is left on the GPU then
 */
export async function loadEngineParts(
  reader: ModelReader,
  name: string,
  options: LoadOptions,
  loadModel: ModelLoader,
): Promise<{ parts: EngineParts; facts: ModelFacts }> {
  const { onProgress = () => {}, signal, prefixCacheBytes, ...modelOptions } = options;
  checkCacheBytes(prefixCacheBytes);
  const report = trackProgress(onProgress);
  report({ phase: 'tokenizer', loaded: 0, total: 0, file: 'config.json' });
  const downgrades: string[] = [];
  // Ends with the reader, or with an error that the reading itself throws too.
  void tellNotices(reader, report, (message) => downgrades.push(message)).catch(() => {});
  const { format } = await reader.inspect({ signal });
  const { tokenizer, template, generation, notices } = await loadTexts(reader, report, signal);
  downgrades.push(...notices);
  const model = await loadModel(reader, {
    ...modelOptions,
    numTokens: tokenizer.numTokens,
    onProgress: (weights) => report({ phase: 'weights', ...weights }),
    onCompletion: report,
    onDowngrade: (message) => downgrades.push(message),
    onKernels: () => report({ phase: 'kernels', loaded: 0, total: 0, file: '' }),
    onPipelines: () => report({ phase: 'pipelines', loaded: 0, total: 1, file: '' }),
    signal,
  });
  const defaults = samplingDefaults(generation);
  const endIds = new Set([...model.config.eosTokenIds, ...(generation.eosTokenIds ?? [])]);
  const { contextLength, schedule, config, adapter, variants, bytes } = model;
  report({ phase: 'pipelines', loaded: 1, total: 1, file: '' });
  return {
    parts: {
      ...{ model, tokenizer, template, endIds, defaults, downgrades },
      prefixCacheBytes: prefixCacheBytes ?? defaultCacheBytes(model),
    },
    facts: {
      id: name,
      format,
      contextLength,
      chunk: schedule.chunk,
      layers: schedule.layers,
      numLocalExperts: config.numLocalExperts,
      adapter,
      variants,
      bytes: { ...bytes, total: bytes.weights + bytes.kv + bytes.activations },
      defaults,
    },
  };
}

/** What stands still is said in the progress; what was done otherwise than asked or promised becomes a downgrade. */
async function tellNotices(
  reader: ModelReader,
  report: ProgressReport,
  onDowngrade: (message: string) => void,
): Promise<void> {
  for await (const { kind, text } of reader.notices()) {
    if (kind === 'waiting') report.waiting(text);
    else onDowngrade(text);
  }
}

async function loadTexts(reader: ModelReader, report: ProgressReport, signal: AbortSignal | undefined) {
  let loaded = 0;
  const read = async (file: string, maxBytes: number) => {
    report({ phase: 'tokenizer', loaded, total: 0, file });
    const text = await reader.readText(file, maxBytes, { signal });
    loaded += text?.length ?? 0; // bytes but for a few characters
    return text;
  };
  const readJson = async (file: string, code: ErrorCode, maxBytes = MAX_TEXT_BYTES) => {
    const text = await read(file, maxBytes);
    return text === undefined ? undefined : parseJson(text, file, code);
  };
  const tokenizerConfig = await readJson('tokenizer_config.json', 'tokenizer_invalid');
  const jinja = await read('chat_template.jinja', MAX_TEXT_BYTES);
  const generation = await readJson('generation_config.json', 'config_unsupported');
  const tokenizerJson = await readJson('tokenizer.json', 'tokenizer_invalid', MAX_TOKENIZER_BYTES);
  if (tokenizerJson === undefined) throw missingTokenizer(reader);
  report({ phase: 'tokenizer', loaded, total: loaded, file: '' });
  const tokenizer = withoutTables(tokenizerJson);
  const texts = await reader.parseTexts({ tokenizer, tokenizerConfig, jinja, generation }, { signal });
  const assembled = assembleTokenizer(tokenizerJson, texts.tokenizer);
  return { ...texts, tokenizer: assembled, template: createChatTemplate(texts.template, assembled) };
}

function missingTokenizer({ label }: ModelReader): OutriderError {
  return new OutriderError(
    'tokenizer_invalid',
    `${label} has no tokenizer.json, which every chat needs. Add it to the folder.`,
    { details: { source: label } },
  );
}

/** OpenAI's defaults (temperature 1, everything kept), overridden by the model's own. */
function samplingDefaults({ temperature, topP, topK, minP, repetitionPenalty }: GenerationConfig): SamplingFields {
  return {
    ...{ temperature: temperature ?? 1, topP: topP ?? 1, topK: topK ?? 0, minP: minP ?? 0 },
    repetitionPenalty: repetitionPenalty ?? 1,
  };
}

function checkCacheBytes(bytes: number | undefined): void {
  if (bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)) return;
  throw new OutriderError(
    'invalid_request',
    `prefixCacheBytes is ${bytes}; it must be a whole number of bytes, 0 for none.`,
    { details: { field: 'prefixCacheBytes', value: bytes } },
  );
}

function defaultCacheBytes(model: LoadedModel): number {
  const { contextLength, spareBytes = Number.POSITIVE_INFINITY } = model;
  return Math.min(model.kvCopyBytes(contextLength, contextLength), MAX_DEFAULT_CACHE_BYTES, spareBytes);
}
