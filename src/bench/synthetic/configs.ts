/** Models that exist only as their config: Scout, two of its layers, and a small one whose attention is easy to see. Pure. */
import { type ModelConfig, parseConfig } from '../../model/config.ts';

/** Llama 4 Scout as published, with the corrected RoPE scaling. */
const SCOUT = {
  model_type: 'llama4_text',
  hidden_size: 5120,
  intermediate_size: 8192,
  intermediate_size_mlp: 16384,
  num_hidden_layers: 48,
  num_attention_heads: 40,
  num_key_value_heads: 8,
  head_dim: 128,
  num_local_experts: 16,
  num_experts_per_tok: 1,
  interleave_moe_layer_step: 1,
  vocab_size: 202048,
  attention_chunk_size: 8192,
  floor_scale: 8192,
  attn_scale: 0.1,
  attn_temperature_tuning: true,
  use_qk_norm: true,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  rope_scaling: {
    rope_type: 'llama3',
    factor: 16,
    low_freq_factor: 1,
    high_freq_factor: 1,
    original_max_position_embeddings: 8192,
  },
  max_position_embeddings: 10485760,
} as const;

export function scoutConfig(): ModelConfig {
  return parseConfig(SCOUT).config;
}

/** One chunked and one global layer of Scout's own size, and its head. */
export function scoutLayersConfig(): ModelConfig {
  return parseConfig({ ...SCOUT, num_hidden_layers: 2, no_rope_layers: [1, 0] }).config;
}

/**
 * Scout's pattern of layers (three chunked, one global) around matrices so small that attention over thousands of tokens
 * outweighs them.
 */
export function curvesConfig({
  chunk,
  maxTokens,
}: {
  readonly chunk: number;
  readonly maxTokens: number;
}): ModelConfig {
  return parseConfig({
    ...SCOUT,
    hidden_size: 256,
    intermediate_size: 256,
    num_hidden_layers: 4,
    no_rope_layers: [1, 1, 1, 0],
    num_attention_heads: 10,
    num_key_value_heads: 2,
    head_dim: 64,
    num_local_experts: 4,
    vocab_size: 512,
    attention_chunk_size: chunk,
    max_position_embeddings: maxTokens,
    rope_scaling: null,
  }).config;
}
