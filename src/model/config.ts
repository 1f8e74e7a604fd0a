import { isObject } from '../checkpoint/json.ts';
import { ConfigFields } from './config-fields.ts';
import { parseLayers } from './config-layers.ts';
import { checkRopeOption, correctScoutRope, parseRope, type RopeConfig } from './config-rope.ts';

export type { RopeConfig } from './config-rope.ts';

/**
 * The text part of a Llama 4 `config.json`, in Hugging Face's words, camelCased, with every default filled in
 * (defaults: `Llama4TextConfig` of Transformers).
 */
export interface ModelConfig {
  readonly hiddenSize: number;
  /** Width of a routed expert and of the shared expert. */
  readonly intermediateSize: number;
  /** Width of the dense layers' feed-forward. */
  readonly intermediateSizeMlp: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  /** 0: a dense model. */
  readonly numLocalExperts: number;
  /** Layers with routed experts. */
  readonly moeLayers: readonly number[];
  /** Per layer: 1 = the layer USES RoPE, 0 = NoPE (the published name is inverted). */
  readonly noRopeLayers: readonly (0 | 1)[];
  /** Per layer. */
  readonly layerTypes: readonly ('chunked_attention' | 'full_attention')[];
  /** Tokens. Only layers of type `chunked_attention` look at it; undefined where there are none. */
  readonly attentionChunkSize: number | undefined;
  readonly useQkNorm: boolean;
  readonly attnTemperatureTuning: boolean;
  readonly floorScale: number;
  readonly attnScale: number;
  readonly rmsNormEps: number;
  readonly rope: RopeConfig;
  readonly maxPositionEmbeddings: number;
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | undefined;
  readonly eosTokenIds: readonly number[];
}

export interface ParsedConfig {
  readonly config: ModelConfig;
  /** What was changed against the file, one sentence each, for `downgrade` events. */
  readonly notices: readonly string[];
}

export interface ConfigOptions {
  /** Keeps the outdated RoPE scaling of early copies of Scout, which is otherwise corrected. */
  readonly ropeScaling?: 'as-written' | undefined;
}

/**
 * Reads `config.json`: `Llama4ForCausalLM` (flat) or the text part of `Llama4ForConditionalGeneration`, in the published
 * layout or in the newer one with `rope_parameters`. Throws `config_unsupported`, which names the field, what it holds
 * and what is supported, for everything that this runtime does not compute.
 */
export function parseConfig(json: unknown, options: ConfigOptions = {}): ParsedConfig {
  checkRopeOption(options.ropeScaling);
  const fields = new ConfigFields(textPart(json));
  const numHiddenLayers = fields.integer('num_hidden_layers', 48, { max: 4096 });
  const numLocalExperts = fields.integer('num_local_experts', 16, { min: 0, max: 65536 });
  const hiddenSize = fields.integer('hidden_size', 5120, { multipleOf: 8 });
  const numAttentionHeads = fields.integer('num_attention_heads', 40);
  const maxPositionEmbeddings = fields.integer('max_position_embeddings', 131072);
  const layers = parseLayers(fields, numHiddenLayers, numLocalExperts);
  refuseOtherArithmetic(fields, layers.moeLayers.length > 0);
  const written = parseRope(fields, maxPositionEmbeddings);
  const { rope, notices } =
    options.ropeScaling === 'as-written'
      ? { rope: written, notices: [] }
      : correctScoutRope(written, { hiddenSize, numHiddenLayers, numLocalExperts });
  const config: ModelConfig = {
    hiddenSize,
    intermediateSize: parseWidth(fields, 'intermediate_size', 8192, layers.moeLayers.length > 0),
    intermediateSizeMlp: parseWidth(fields, 'intermediate_size_mlp', 16384, layers.moeLayers.length < numHiddenLayers),
    numHiddenLayers,
    numAttentionHeads,
    numKeyValueHeads: parseKeyValueHeads(fields, numAttentionHeads),
    headDim: parseHeadDim(fields, hiddenSize, numAttentionHeads),
    vocabSize: fields.integer('vocab_size', 202048),
    numLocalExperts,
    ...layers,
    useQkNorm: fields.flag('use_qk_norm', true),
    attnTemperatureTuning: parseTemperatureTuning(fields),
    floorScale: fields.positive('floor_scale', 8192),
    attnScale: fields.number('attn_scale', 0.1),
    rmsNormEps: fields.positive('rms_norm_eps', 1e-5),
    rope,
    maxPositionEmbeddings,
    tieWordEmbeddings: fields.flag('tie_word_embeddings', false),
    bosTokenId: fields.tokenIds('bos_token_id', 1)[0],
    eosTokenIds: fields.tokenIds('eos_token_id', 2),
  };
  return { config, notices };
}

/** The object that holds the text model's fields. */
function textPart(json: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(json)) throw new ConfigFields({ 'the file': json }).unsupported('the file', 'a JSON object');
  const fields = new ConfigFields(json);
  const architectures = json.architectures ?? [];
  const known = ['Llama4ForCausalLM', 'Llama4ForConditionalGeneration'];
  const isKnown = Array.isArray(architectures) && architectures.some((name) => known.includes(name));
  if (!isKnown && (fields.get('architectures') !== undefined || !isLlama4(json.model_type))) {
    const field = fields.get('architectures') === undefined ? 'model_type' : 'architectures';
    throw fields.unsupported(field, field === 'model_type' ? '"llama4" or "llama4_text"' : known.join(' or '));
  }
  if (json.model_type !== undefined && !isLlama4(json.model_type)) {
    throw fields.unsupported('model_type', '"llama4" or "llama4_text"');
  }
  if (isObject(json.text_config)) {
    // An embedding that is tied says so at either level.
    return { tie_word_embeddings: json.tie_word_embeddings ?? false, ...json.text_config };
  }
  if (json.model_type === 'llama4') throw fields.unsupported('text_config', 'an object with the text model');
  return json;
}

function isLlama4(modelType: unknown): boolean {
  return modelType === 'llama4' || modelType === 'llama4_text';
}

function refuseOtherArithmetic(fields: ConfigFields, hasExperts: boolean): void {
  if ((fields.get('hidden_act') ?? 'silu') !== 'silu') throw fields.unsupported('hidden_act', '"silu"');
  if (fields.flag('attention_bias', false)) throw fields.unsupported('attention_bias', 'false');
  if (hasExperts && fields.integer('num_experts_per_tok', 1, { min: 0 }) !== 1) {
    throw fields.unsupported('num_experts_per_tok', '1');
  }
}

/** A width that no layer uses may be anything. */
function parseWidth(fields: ConfigFields, name: string, fallback: number, used: boolean): number {
  return fields.integer(name, fallback, used ? { multipleOf: 8 } : { min: 0 });
}

function parseKeyValueHeads(fields: ConfigFields, numAttentionHeads: number): number {
  if (fields.isNull('num_key_value_heads')) return numAttentionHeads;
  const heads = fields.integer('num_key_value_heads', 8);
  if (numAttentionHeads % heads === 0) return heads;
  throw fields.unsupported('num_key_value_heads', `a divisor of num_attention_heads (${numAttentionHeads})`);
}

/** A multiple of 4: RoPE turns pairs, and the kernels read vectors of four. */
function parseHeadDim(fields: ConfigFields, hiddenSize: number, numAttentionHeads: number): number {
  if (!fields.isNull('head_dim')) return fields.integer('head_dim', 128, { multipleOf: 4 });
  const headDim = Math.floor(hiddenSize / numAttentionHeads);
  if (headDim > 0 && headDim % 4 === 0) return headDim;
  throw fields.unsupported('head_dim', `a multiple of 4; hidden_size / num_attention_heads gives ${headDim}`);
}

/** Published both as a bool and as the number 4, of which only the truth counts. */
function parseTemperatureTuning(fields: ConfigFields): boolean {
  const value = fields.isNull('attn_temperature_tuning') ? false : (fields.get('attn_temperature_tuning') ?? true);
  if (typeof value === 'boolean' || typeof value === 'number') return Boolean(value);
  throw fields.unsupported('attn_temperature_tuning', 'true, false or a number');
}
