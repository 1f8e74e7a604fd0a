/** An engine whose model could not be loaded here: it says so to whoever asks, and knows nothing but its name. */
import type { ModelFacts } from '../../engine/facts.ts';
import type { TextEngine } from '../../engine/request.ts';
import { OutriderError } from '../../errors.ts';

/**
 * @param id the name of the model's folder
 * @param failure of loading; every method but those that end something rejects with it
 */
export function absentEngine(id: string, failure: OutriderError): TextEngine {
  let reason = failure;
  const fail = () => Promise.reject(reason);
  return {
    model: absentFacts(id),
    generate: () => {
      throw reason;
    },
    encode: fail,
    decode: fail,
    vocabulary: fail,
    stats: fail,
    interrupt: async () => {},
    on: () => () => {},
    unload: async () => {
      reason = new OutriderError('engine_unloaded', 'The engine was unloaded. Create another one to go on.');
    },
  };
}

const none = { name: 'none', why: 'only one', seconds: {} } as const;

function absentFacts(id: string): ModelFacts {
  return {
    id,
    format: 'not loaded',
    contextLength: 0,
    chunk: Number.POSITIVE_INFINITY,
    layers: [],
    numLocalExperts: 0,
    adapter: {
      ...{ vendor: '', architecture: '', device: '', description: '', software: false, f16: false, subgroups: false },
      ...{ subgroupMinSize: 0, subgroupMaxSize: 0, maxBufferSize: 0, maxStorageBufferBindingSize: 0 },
    },
    variants: { matvec: none, matmul: none, attention: none },
    bytes: { weights: 0, kv: 0, activations: 0, total: 0 },
    defaults: { temperature: 1, topP: 1, topK: 0, minP: 0, repetitionPenalty: 1 },
  };
}
