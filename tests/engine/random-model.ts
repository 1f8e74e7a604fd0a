/** A small random model with chunked and global layers, in memory: real kernels, no files. */
import { layOutHeader, type TensorSpec } from '../../src/checkpoint/write-header.ts';
import type { ModelSource } from '../../src/storage/source.ts';

export const CHUNK = 8;
const HIDDEN = 64;
const HEADS = 4;
const KV_HEADS = 2;
const HEAD_DIM = 32;
const INTER = 64;
const EXPERTS = 4;
const VOCAB = 96;
const LAYERS = 4;

const CONFIG = {
  architectures: ['Llama4ForCausalLM'],
  model_type: 'llama4_text',
  vocab_size: VOCAB,
  hidden_size: HIDDEN,
  intermediate_size: INTER,
  intermediate_size_mlp: INTER,
  num_hidden_layers: LAYERS,
  num_attention_heads: HEADS,
  num_key_value_heads: KV_HEADS,
  head_dim: HEAD_DIM,
  num_local_experts: EXPERTS,
  num_experts_per_tok: 1,
  interleave_moe_layer_step: 1,
  no_rope_layers: [1, 1, 1, 0],
  attention_chunk_size: CHUNK,
  use_qk_norm: true,
  rope_theta: 10000,
  max_position_embeddings: 128,
  eos_token_id: VOCAB - 1,
};

function tensorSpecs(): TensorSpec[] {
  const matrix = (name: string, ...shape: number[]): TensorSpec => ({ name, dtype: 'F32', shape });
  const layer = (index: number): TensorSpec[] => {
    const name = (suffix: string) => `model.layers.${index}.${suffix}`;
    return [
      matrix(name('input_layernorm.weight'), HIDDEN),
      matrix(name('post_attention_layernorm.weight'), HIDDEN),
      matrix(name('self_attn.q_proj.weight'), HEADS * HEAD_DIM, HIDDEN),
      matrix(name('self_attn.k_proj.weight'), KV_HEADS * HEAD_DIM, HIDDEN),
      matrix(name('self_attn.v_proj.weight'), KV_HEADS * HEAD_DIM, HIDDEN),
      matrix(name('self_attn.o_proj.weight'), HIDDEN, HEADS * HEAD_DIM),
      matrix(name('feed_forward.router.weight'), EXPERTS, HIDDEN),
      matrix(name('feed_forward.shared_expert.gate_proj.weight'), INTER, HIDDEN),
      matrix(name('feed_forward.shared_expert.up_proj.weight'), INTER, HIDDEN),
      matrix(name('feed_forward.shared_expert.down_proj.weight'), HIDDEN, INTER),
      matrix(name('feed_forward.experts.gate_up_proj'), EXPERTS, HIDDEN, 2 * INTER),
      matrix(name('feed_forward.experts.down_proj'), EXPERTS, INTER, HIDDEN),
    ];
  };
  return [
    matrix('model.embed_tokens.weight', VOCAB, HIDDEN),
    matrix('model.norm.weight', HIDDEN),
    matrix('lm_head.weight', VOCAB, HIDDEN),
    ...Array.from({ length: LAYERS }, (_, index) => layer(index)).flat(),
  ];
}

/** Norm weights are 1; the others are uniform with the variance that keeps activations at about 1. */
export function randomModel(seed: number): ModelSource {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const specs = tensorSpecs();
  const { bytes, ranges, fileSize } = layOutHeader(specs, {});
  const file = new Uint8Array(fileSize);
  file.set(bytes);
  for (const { name, shape } of specs) {
    const { start, end } = ranges.get(name)!;
    const isNorm = name.includes('norm');
    const scale = name.includes('embed') ? 1 : Math.sqrt(3 / shape.at(-1)!) * 1.5;
    const values = Float32Array.from({ length: (end - start) / 4 }, () => (isNorm ? 1 : random() * scale));
    file.set(new Uint8Array(values.buffer), start);
  }
  const files = new Map([
    ['config.json', new TextEncoder().encode(JSON.stringify(CONFIG))],
    ['model.safetensors', file],
  ]);
  return {
    label: 'random model',
    size: async (path) => files.get(path)?.length,
    read: async (path, start, end) => files.get(path)!.slice(start, end),
    async *stream(path, start, end) {
      yield files.get(path)!.slice(start, end);
    },
  };
}
