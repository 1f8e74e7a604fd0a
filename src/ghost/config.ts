/** `config.json` and `generation_config.json` with every field that is published for the Instruct models. */
import type { GhostDims, VisionDims } from './dims.ts';
import type { GhostFormat } from './formats.ts';

type Json = Readonly<Record<string, unknown>>;

const IDS = { bos_token_id: 200000, eos_token_id: [200001, 200007, 200008], pad_token_id: 200018 };

/** @param ignored Linear layers that are not quantized, for formats that list them */
export function ghostConfig(dims: GhostDims, format: GhostFormat, ignored: readonly string[]): Json {
  const vision = dims.vision ? { vision_config: visionConfig(dims.vision) } : {};
  return sorted({
    architectures: ['Llama4ForConditionalGeneration'],
    boi_token_index: 200080,
    eoi_token_index: 200081,
    image_token_index: 200092,
    model_type: 'llama4',
    text_config: sorted(textConfig(dims)),
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
    transformers_version: '4.51.0',
    ...vision,
    ...format.config(ignored),
  });
}

export function ghostGenerationConfig(): Json {
  return { ...IDS, do_sample: true, temperature: 0.6, top_p: 0.9, transformers_version: '4.51.0' };
}

function textConfig(dims: GhostDims): Json {
  return {
    _attn_implementation_autoset: true,
    attention_bias: false,
    attention_chunk_size: dims.chunk,
    attention_dropout: 0,
    attn_scale: 0.1,
    attn_temperature_tuning: 4,
    ...IDS,
    cache_implementation: 'hybrid',
    floor_scale: dims.chunk,
    for_llm_compressor: false,
    head_dim: dims.headDim,
    hidden_act: 'silu',
    hidden_size: dims.hidden,
    initializer_range: 0.02,
    interleave_moe_layer_step: dims.moeStep,
    intermediate_size: dims.intermediate,
    intermediate_size_mlp: dims.intermediateMlp,
    max_position_embeddings: dims.maxPositions,
    model_type: 'llama4_text',
    no_rope_layers: [],
    num_attention_heads: dims.heads,
    num_experts_per_tok: 1,
    num_hidden_layers: dims.layers,
    num_key_value_heads: dims.kvHeads,
    num_local_experts: dims.experts,
    output_router_logits: false,
    rms_norm_eps: 1e-5,
    rope_scaling: dims.scaledRope ? ROPE_SCALING : null,
    rope_theta: 500000,
    router_aux_loss_coef: 0.001,
    router_jitter_noise: 0,
    torch_dtype: 'bfloat16',
    use_cache: true,
    use_qk_norm: dims.qkNorm,
    vocab_size: dims.vocab,
  };
}

const ROPE_SCALING = {
  factor: 16,
  high_freq_factor: 1,
  low_freq_factor: 1,
  original_max_position_embeddings: 8192,
  rope_type: 'llama3',
};

function visionConfig(vision: VisionDims): Json {
  return {
    _attn_implementation_autoset: true,
    attention_dropout: 0,
    hidden_act: 'gelu',
    hidden_size: vision.hidden,
    image_size: vision.imageSize,
    initializer_range: 0.02,
    intermediate_size: vision.intermediate,
    model_type: 'llama4_vision_model',
    multi_modal_projector_bias: false,
    norm_eps: 1e-5,
    num_attention_heads: vision.heads,
    num_channels: 3,
    num_hidden_layers: vision.layers,
    patch_size: vision.patchSize,
    pixel_shuffle_ratio: 0.5,
    projector_dropout: 0,
    projector_input_dim: vision.output,
    projector_output_dim: vision.output,
    rope_theta: 10000,
    vision_feature_layer: -1,
    vision_feature_select_strategy: 'default',
    vision_output_dim: vision.output,
  };
}

function sorted(json: Json): Json {
  return Object.fromEntries(Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1)));
}
