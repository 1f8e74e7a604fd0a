import { describe, expect, test } from 'vitest';
import { parseQuantization } from '../../src/checkpoint/quantization.ts';

const int4 = { num_bits: 4, type: 'int', symmetric: true, group_size: 128, strategy: 'group', actorder: null };
const fp8 = { num_bits: 8, type: 'float', strategy: 'channel' };
const nvfp4 = { num_bits: 4, type: 'float', strategy: 'tensor_group', group_size: 16 };
const declared = (group: object, rest: object = {}): object => ({
  quant_method: 'compressed-tensors',
  format: 'pack-quantized',
  config_groups: { group_0: { targets: ['Linear'], weights: int4, ...group } },
  ...rest,
});
const parse = (quantization_config: object) => parseQuantization({ quantization_config });

describe('compressed-tensors', () => {
  test('is read wherever and in however many groups it is declared', () => {
    const scheme = { format: 'compressed-tensors int4', groupSize: 128, symmetric: true };
    const config = declared({});
    expect(parse(config)).toMatchObject({ schemes: [scheme], notices: [] });
    expect(parseQuantization({ text_config: { quantization_config: config } })).toMatchObject({ schemes: [scheme] });
    const second = { weights: { ...int4, group_size: 32, symmetric: false, actorder: 'group' } };
    expect(parse(declared({}, { config_groups: { a: { weights: int4 }, b: second } }))?.schemes).toEqual([
      { ...scheme, ordered: undefined },
      { ...scheme, groupSize: 32, symmetric: false, ordered: true },
    ]);
  });

  test('may hold another format in every group', () => {
    const config_groups = {
      a: { weights: int4, format: 'pack-quantized' },
      b: { weights: { ...fp8, strategy: 'block', block_structure: [128, 128] }, format: 'float-quantized' },
      c: { weights: nvfp4, format: 'nvfp4-pack-quantized' },
      d: { weights: fp8 },
    };
    const formats = parse(declared({}, { format: 'mixed-precision', config_groups }))?.schemes;
    expect(formats?.map(({ format, scalePer }) => [format, scalePer])).toEqual([
      ['compressed-tensors int4', undefined],
      ['FP8', 'block'],
      ['compressed-tensors NVFP4', undefined],
      ['FP8', 'channel'],
    ]);
  });

  test('activations and caches that it quantizes stay as they are, which is said', () => {
    const activations = { input_activations: { num_bits: 8, dynamic: true } };
    expect(parse(declared(activations, { kv_cache_scheme: { num_bits: 8 } }))?.notices).toEqual([
      expect.stringContaining('activations stay f32'),
      expect.stringContaining('KV cache'),
    ]);
  });
});

test('MLX: a setting for all, and modules with one of their own, whatever stands before their names', () => {
  const config = parseQuantization({
    quantization: {
      ...{ group_size: 64, bits: 4, mode: 'affine' },
      'language_model.lm_head': { group_size: 32, bits: 8 },
      'model.layers.3.self_attn.q_proj': false,
      'layers.0.feed_forward.experts.gate_proj': { bits: 8 },
      'vision_model.patch_embedding.linear': { bits: 6 },
    },
  });
  expect(config?.schemes).toEqual([{ format: 'MLX affine', bits: 4, groupSize: 64 }]);
  expect([...config!.overrides]).toEqual([
    ['lm_head', { format: 'MLX affine', bits: 8, groupSize: 32 }],
    ['layers.3.self_attn.q_proj', false],
    ['layers.0.feed_forward.experts.gate_proj', { format: 'MLX affine', bits: 8, groupSize: 64 }],
  ]);
});

test.each([
  ['no checkpoint_format', {}, { packing: 'gptq', zeroOffset: 1, ordered: false }],
  ['the first', { checkpoint_format: 'gptq' }, { packing: 'gptq', zeroOffset: 1, ordered: false }],
  [
    'the second, act-order',
    { checkpoint_format: 'gptq_v2', desc_act: true },
    { packing: 'gptq', zeroOffset: 0, ordered: true },
  ],
])('GPTQ: %s', (_name, more, qweight) => {
  expect(parse({ quant_method: 'gptq', bits: 4, group_size: 128, ...more })).toMatchObject({ qweight });
});

test.each([
  ['flat', { quant_method: 'modelopt', quant_algo: 'NVFP4' }],
  ['nested', { producer: { name: 'modelopt' }, quantization: { quant_algo: 'NVFP4', kv_cache_quant_algo: 'FP8' } }],
  ['by version', { quant_method: 'modelopt_fp4', quant_algo: 'nvfp4' }],
])('ModelOpt, %s', (_name, config) => {
  expect(parse(config)).toMatchObject({ method: 'ModelOpt', schemes: [{ format: 'ModelOpt NVFP4' }] });
});

test('a config that declares nothing has no quantization', () => {
  for (const json of [{}, { quantization_config: null }, { text_config: {} }, null]) {
    expect(parseQuantization(json)).toBeUndefined();
  }
});

const mlx = { group_size: 64, bits: 4 };
const gptq = { quant_method: 'gptq', bits: 4, group_size: 128 };
const awq = { quant_method: 'awq', bits: 4, group_size: 128, version: 'gemm' };
test.each<[string, object]>([
  ['"fbgemm_fp8"', { quant_method: 'fbgemm_fp8' }],
  ['"hqq"', { quant_method: 'hqq' }],
  ['"aqlm"', { quant_method: 'aqlm' }],
  ['"torchao"', { quant_method: 'torchao' }],
  ['"quanto"', { quant_method: 'quanto' }],
  ['"eetq"', { quant_method: 'eetq' }],
  ['"mxfp4"', { quant_method: 'mxfp4' }],
  ['bitsandbytes int8', { quant_method: 'bitsandbytes', load_in_8bit: true }],
  ['bitsandbytes "fp4"', { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'fp4' }],
  ['GPTQ of 8 bits', { ...gptq, bits: 8 }],
  ['GPTQ in groups of -1', { ...gptq, group_size: -1 }],
  ['GPTQ in checkpoint_format "marlin"', { ...gptq, checkpoint_format: 'marlin' }],
  ['AWQ in version "gemv"', { ...awq, version: 'GEMV' }],
  ['AWQ of 8 bits', { ...awq, bits: 8 }],
  ['ModelOpt "W4A8_AWQ"', { quant_method: 'modelopt', quant_algo: 'W4A8_AWQ' }],
  ['FP8 in blocks of [64,64]', { quant_method: 'fp8', weight_block_size: [64, 64] }],
  ['MLX affine of 3 bits', { ...mlx, bits: 3 }],
  ['MLX affine of 6 bits', { ...mlx, lm_head: { bits: 6 } }],
  ['MLX "mxfp4"', { ...mlx, mode: 'mxfp4' }],
  ['MLX affine in groups of 16', { ...mlx, group_size: 16 }],
  ['in format "int-quantized"', declared({}, { format: 'int-quantized' })],
  ['in format "marlin-24"', declared({}, { format: 'marlin-24' })],
  ['in format "mxfp4-pack-quantized"', declared({ format: 'mxfp4-pack-quantized' })],
  ['"int" weights of 4 bits in format "float-quantized"', declared({}, { format: 'float-quantized' })],
  ['"float" weights of 8 bits in format "pack-quantized"', declared({ weights: fp8 })],
  ['without config_groups', declared({}, { config_groups: {} })],
  ['config_group without weights', declared({ weights: null })],
  ['8 bits', declared({ weights: { ...int4, num_bits: 8 } })],
  ['"channel"', declared({ weights: { ...int4, strategy: 'channel', group_size: null } })],
  ['group_size 16', declared({ weights: { ...int4, group_size: 16 } })],
  [
    'blocks of [64,128]',
    declared({ weights: { ...fp8, strategy: 'block', block_structure: [64, 128] }, format: 'float-quantized' }),
  ],
  ['transforms', declared({}, { transform_config: { config_groups: { u: {} } } })],
  ['sparsity', declared({}, { sparsity_config: { format: 'sparse-24-bitmask' } })],
])('%s is refused by name', (named, config) => {
  expect(() => parse(config)).toThrow(
    expect.objectContaining({ code: 'quantization_unsupported', message: expect.stringContaining(named) }),
  );
});
