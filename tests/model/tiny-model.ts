/** A small random Llama 4 in memory, and loading it on this machine's GPU. */
import { layOutHeader, type TensorSpec } from '../../src/checkpoint/write-header.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { narrowFromF32 } from '../../src/quant/float.ts';
import { seeded } from '../../src/reference/random.ts';
import { memorySource } from '../checkpoint/memory-source.ts';

export const TINY = {
  architectures: ['Llama4ForCausalLM'],
  model_type: 'llama4_text',
  attention_chunk_size: 16,
  attn_temperature_tuning: true,
  floor_scale: 8,
  head_dim: 32,
  hidden_size: 64,
  intermediate_size: 64,
  interleave_moe_layer_step: 1,
  max_position_embeddings: 4096,
  no_rope_layers: [1, 1, 0],
  num_attention_heads: 4,
  num_experts_per_tok: 1,
  num_hidden_layers: 3,
  num_key_value_heads: 2,
  num_local_experts: 4,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  rope_theta: 10000,
  tie_word_embeddings: false,
  use_qk_norm: true,
  vocab_size: 96,
  bos_token_id: 0,
  eos_token_id: [95],
};

export interface TinyFiles {
  config: Record<string, unknown>;
  weights: Uint8Array;
  /** Tensor name -> byte range of `weights`. */
  ranges: ReadonlyMap<string, { start: number; end: number }>;
}

/** With the published names; experts fused. */
export function tinyFiles(changes: Partial<typeof TINY> = {}, dtype: 'BF16' | 'F32' = 'BF16'): TinyFiles {
  const config = { ...TINY, ...changes };
  const specs = tensorSpecs(config, dtype);
  const { bytes, ranges, fileSize } = layOutHeader(specs, { format: 'pt' });
  const weights = new Uint8Array(fileSize);
  weights.set(bytes);
  const random = seeded('tiny model');
  for (const { name, shape } of specs) {
    const count = shape.reduce((product, size) => product * size, 1);
    const spread = name.includes('norm')
      ? 0
      : name.includes('embed')
        ? 1
        : 1.5 / Math.sqrt(shape.length === 3 ? shape[1]! : shape.at(-1)!);
    const values = Float32Array.from({ length: count }, () => (name.includes('norm') ? 1 : spread * random.normal()));
    weights.set(narrowFromF32(values, dtype), ranges.get(name)!.start);
  }
  return { config, weights, ranges };
}

function tensorSpecs(config: typeof TINY, dtype: 'BF16' | 'F32'): TensorSpec[] {
  const {
    hidden_size: hidden,
    intermediate_size: inner,
    num_local_experts: experts,
    vocab_size: vocab,
    head_dim: dim,
  } = config;
  const spec = (name: string, ...shape: number[]): TensorSpec => ({ name, dtype, shape });
  const layers = Array.from({ length: config.num_hidden_layers }, (_, index) => {
    const at = `model.layers.${index}`;
    const queries = config.num_attention_heads * dim;
    const keys = config.num_key_value_heads * dim;
    return [
      spec(`${at}.input_layernorm.weight`, hidden),
      spec(`${at}.post_attention_layernorm.weight`, hidden),
      spec(`${at}.self_attn.q_proj.weight`, queries, hidden),
      spec(`${at}.self_attn.k_proj.weight`, keys, hidden),
      spec(`${at}.self_attn.v_proj.weight`, keys, hidden),
      spec(`${at}.self_attn.o_proj.weight`, hidden, queries),
      spec(`${at}.feed_forward.router.weight`, experts, hidden),
      spec(`${at}.feed_forward.experts.gate_up_proj`, experts, hidden, 2 * inner),
      spec(`${at}.feed_forward.experts.down_proj`, experts, inner, hidden),
      spec(`${at}.feed_forward.shared_expert.gate_proj.weight`, inner, hidden),
      spec(`${at}.feed_forward.shared_expert.up_proj.weight`, inner, hidden),
      spec(`${at}.feed_forward.shared_expert.down_proj.weight`, hidden, inner),
    ];
  });
  return [
    spec('model.embed_tokens.weight', vocab, hidden),
    ...layers.flat(),
    spec('model.norm.weight', hidden),
    spec('lm_head.weight', vocab, hidden),
  ];
}

export function sourceOfTiny({ config, weights }: Pick<TinyFiles, 'config' | 'weights'>) {
  return memorySource({ 'config.json': JSON.stringify(config), 'model.safetensors': weights });
}

/** What was created on devices of this GPU, by a wrapper around every device. */
export interface Counts {
  buffers: string[];
  bindGroups: number;
  passes: number;
  dispatches: number;
  submits: number;
  mappings: number;
  /** Readbacks resolve no earlier than this. */
  gate: Promise<unknown>;
  destroyedDevices: number;
}

const NONE: Counts = {
  buffers: [],
  bindGroups: 0,
  passes: 0,
  dispatches: 0,
  submits: 0,
  mappings: 0,
  gate: Promise.resolve(),
  destroyedDevices: 0,
};

/** This machine's GPU, counting. @param maxBinding bytes of a buffer and a binding, as if the adapter allowed no more */
export async function countingGpu(maxBinding?: number): Promise<{ gpu: GPU; counts: Counts }> {
  const { gpu } = await openNodeGpu();
  const counts: Counts = { ...NONE, buffers: [] };
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = (await gpu.requestAdapter(options))!;
    const requestDevice = adapter.requestDevice.bind(adapter);
    const requiredLimits = {}; // the default ones, which are more than is asked for
    adapter.requestDevice = async (descriptor) =>
      watch(await requestDevice(maxBinding === undefined ? descriptor : { ...descriptor, requiredLimits }), counts);
    if (maxBinding === undefined) return adapter;
    const limits = { maxBufferSize: maxBinding, maxStorageBufferBindingSize: maxBinding };
    return Object.defineProperty(adapter, 'limits', { value: limits });
  };
  return { gpu: { requestAdapter } as unknown as GPU, counts };
}

function watch(device: GPUDevice, counts: Counts): GPUDevice {
  const before = {
    createBuffer: device.createBuffer.bind(device),
    createBindGroup: device.createBindGroup.bind(device),
    createCommandEncoder: device.createCommandEncoder.bind(device),
    submit: device.queue.submit.bind(device.queue),
    destroy: device.destroy.bind(device),
  };
  device.createBuffer = (descriptor) => {
    counts.buffers.push(descriptor.label ?? '');
    const buffer = before.createBuffer(descriptor);
    const mapAsync = buffer.mapAsync.bind(buffer);
    buffer.mapAsync = (...args) => {
      counts.mappings++;
      return mapAsync(...args).then(() => counts.gate as Promise<undefined>);
    };
    return buffer;
  };
  device.createBindGroup = (descriptor) => {
    counts.bindGroups++;
    return before.createBindGroup(descriptor);
  };
  device.createCommandEncoder = (descriptor) => {
    const encoder = before.createCommandEncoder(descriptor);
    const beginComputePass = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (pass) => {
      counts.passes++;
      return watchPass(beginComputePass(pass), counts);
    };
    return encoder;
  };
  device.queue.submit = (commands) => {
    counts.submits++;
    before.submit(commands);
  };
  device.destroy = () => {
    counts.destroyedDevices++;
    before.destroy();
  };
  return device;
}

function watchPass(pass: GPUComputePassEncoder, counts: Counts): GPUComputePassEncoder {
  const dispatchWorkgroups = pass.dispatchWorkgroups.bind(pass);
  pass.dispatchWorkgroups = (...grid) => {
    counts.dispatches++;
    return dispatchWorkgroups(...grid);
  };
  return pass;
}
