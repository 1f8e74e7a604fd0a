/** A model folder in memory whose tokens are bytes, and an engine over it that computes with a FakeRunner. */
import { engineOver } from '../../src/api/engine.ts';
import { createTextEngine } from '../../src/engine/create.ts';
import type { LoadOptions, ModelLoader } from '../../src/engine/load.ts';
import { parseTexts } from '../../src/loader/texts.ts';
import type { ModelConfig } from '../../src/model/config.ts';
import type { LoadedModel } from '../../src/model/load.ts';
import type { ModelReader } from '../../src/model/reader.ts';
import { type ModelSource, readText } from '../../src/storage/source.ts';
import { byteCharacters } from '../../src/tokenizer/bytes.ts';
import { type FakeOptions, FakeRunner } from './fake-runner.ts';

const SPECIALS = ['<|begin|>', '<|role|>', '<|end|>', '<|stop|>'];
/** Ends an answer: the template's own end, and a second one that only generation_config.json knows. */
export const END = 258;
export const STOP = 259;

const TEMPLATE =
  '{{ bos_token }}{% for m in messages %}<|role|>{{ m.role }}\n{{ m.content }}<|end|>{% endfor %}' +
  '{% if add_generation_prompt %}<|role|>assistant\n{% endif %}';

const FILES: Readonly<Record<string, unknown>> = {
  'config.json': {},
  'tokenizer.json': {
    model: { type: 'BPE', vocab: Object.fromEntries(byteCharacters.map((text, id) => [text, id])), merges: [] },
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
    decoder: { type: 'ByteLevel' },
    added_tokens: SPECIALS.map((content, index) => ({ id: 256 + index, content, special: true })),
  },
  'tokenizer_config.json': { bos_token: '<|begin|>', chat_template: TEMPLATE },
  'generation_config.json': { temperature: 0.6, top_p: 0.9, eos_token_id: [END, STOP] },
};

export const byteSource: ModelSource = sourceOf(FILES);

/** A folder of JSON files. */
export function sourceOf(files: Readonly<Record<string, unknown>>): ModelSource {
  const bytes = new Map(
    Object.entries(files).map(([path, json]) => [path, new TextEncoder().encode(JSON.stringify(json))]),
  );
  return {
    label: 'bytes',
    stat: async (path) => (bytes.has(path) ? { size: bytes.get(path)!.length } : undefined),
    read: async (path, start, end) => bytes.get(path)!.slice(start, end),
    async *stream(path, start, end) {
      yield bytes.get(path)!.slice(start, end);
    },
  };
}

/** Reads the texts of `source`; the weights are the fake model's. */
export function readerOf(source: ModelSource): ModelReader {
  const nothing = async function* () {};
  return {
    label: source.label,
    readText: (path, maxBytes, options) => readText(source, path, maxBytes, options),
    inspect: async () => ({ config: {} as ModelConfig, format: 'bytes', notices: [] }),
    parseTexts: async (texts) => parseTexts(texts),
    chooseContext: () => Promise.reject(new Error('a fake model has no plan')),
    layOut: () => Promise.reject(new Error('a fake model has no weights')),
    tune: () => Promise.reject(new Error('a fake model has no kernels')),
    pieces: nothing,
    complete: nothing,
    notices: nothing,
    close: async () => {},
  };
}

/** Small letters that depend on everything in the KV cache. */
export const letters = (hash: number) => 97 + ((hash >>> 0) % 26);

/** Says `text`, then ends, whatever it is asked; `start` is the position of the first byte. */
export function says(text: string, start: () => number): (hash: number, position: number) => number {
  const bytes = new TextEncoder().encode(text);
  return (_, position) => bytes[position - start()] ?? END;
}

export interface FakeModel {
  readonly load: ModelLoader;
  readonly runner: FakeRunner;
}

export function fakeModel(options: FakeOptions & { downgrades?: string[] } = {}): FakeModel {
  const { downgrades = [], ...rest } = options;
  const runner = new FakeRunner({ chunk: 32, contextLength: 512, choose: letters, eosTokenIds: [END], ...rest });
  const load: ModelLoader = async (_reader, { onProgress, onDowngrade, signal } = {}) => {
    for (const message of downgrades) onDowngrade?.(message);
    for (const loaded of [0, 50, 100]) {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      onProgress?.({ loaded, total: 100, file: 'model.safetensors' });
    }
    const facts = {
      adapter: { vendor: 'fake', software: true },
      variants: { matvec: { name: 'fake', why: 'only one', seconds: {} } },
      bytes: { weights: 100, kv: 10, activations: 1 },
    };
    return Object.assign(runner, facts) as unknown as LoadedModel;
  };
  return { load, runner };
}

/** A text engine in this thread, over `model`. */
export const createFakeTextEngine = (model: FakeModel, options: LoadOptions = {}) =>
  createTextEngine(readerOf(byteSource), 'bytes', options, model.load);

/** An engine in this thread, over `model`. */
export const createFakeEngine = async (model: FakeModel, options: LoadOptions = {}) =>
  engineOver(await createFakeTextEngine(model, options));
