import { expect, test } from 'vitest';
import { parseQuantization } from '../../src/checkpoint/quantization.ts';

const weights = { num_bits: 4, type: 'int', symmetric: true, group_size: 128, strategy: 'group', actorder: null };
const declared = (group: object, rest: object = {}): object => ({
  quant_method: 'compressed-tensors',
  format: 'pack-quantized',
  config_groups: { group_0: { targets: ['Linear'], weights, ...group } },
  ...rest,
});

test('compressed-tensors int4 is read, wherever and in however many groups it is declared', () => {
  const scheme = { groupSize: 128, symmetric: true };
  const config = declared({});
  expect(parseQuantization({ quantization_config: config })).toEqual({ schemes: [scheme] });
  expect(parseQuantization({ text_config: { quantization_config: config } })).toEqual({ schemes: [scheme] });
  const second = { weights: { ...weights, group_size: 32, symmetric: false, actorder: 'weight' } };
  const two = declared({}, { config_groups: { a: { weights }, b: second } });
  expect(parseQuantization({ quantization_config: two })).toEqual({
    schemes: [scheme, { groupSize: 32, symmetric: false }],
  });
});

test('a config that declares nothing has no quantization', () => {
  for (const json of [{}, { quantization_config: null }, { text_config: {} }, null]) {
    expect(parseQuantization(json)).toBeUndefined();
  }
});

test.each([
  ['gptq', { quant_method: 'gptq', bits: 4, group_size: 128 }],
  ['awq', { quant_method: 'awq' }],
  ['bitsandbytes', { quant_method: 'bitsandbytes', load_in_4bit: true }],
  ['fbgemm_fp8', { quant_method: 'fbgemm_fp8' }],
  ['modelopt', { quant_method: 'modelopt' }],
  ['MLX', { group_size: 64, bits: 4 }],
  ['float-quantized', declared({}, { format: 'float-quantized' })],
  ['nvfp4-pack-quantized', declared({}, { format: 'nvfp4-pack-quantized' })],
  ['without config_groups', declared({}, { config_groups: {} })],
  ['8 bits', declared({ weights: { ...weights, num_bits: 8 } })],
  ['"float" weights', declared({ weights: { ...weights, type: 'float' } })],
  ['"channel"', declared({ weights: { ...weights, strategy: 'channel', group_size: null } })],
  ['group_size 16', declared({ weights: { ...weights, group_size: 16 } })],
  ['activation order', declared({ weights: { ...weights, actorder: 'group' } })],
  ['quantized activations', declared({ input_activations: { num_bits: 8 } })],
  ['KV cache', declared({}, { kv_cache_scheme: { num_bits: 8 } })],
  ['transforms', declared({}, { transform_config: { config_groups: { u: {} } } })],
  ['sparsity', declared({}, { sparsity_config: { format: 'sparse-24-bitmask' } })],
])('%s is refused by name', (named, quantization_config) => {
  expect(() => parseQuantization({ quantization_config })).toThrow(
    expect.objectContaining({ code: 'quantization_unsupported', message: expect.stringContaining(named) }),
  );
});
