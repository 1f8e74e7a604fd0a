import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ModelConfig, parseConfig } from '../../src/model/config.ts';
import { parseGenerationConfig } from '../../src/model/generation-config.ts';

interface Case {
  readonly name: string;
  readonly config: Record<string, unknown>;
  /** What Transformers 5.23's Llama4TextConfig holds after reading it. */
  readonly expected: Record<string, unknown>;
}
const cases: Case[] = JSON.parse(readFileSync(new URL('../fixtures/checkpoint/configs.json', import.meta.url), 'utf8'));
const written = (name: string): Record<string, unknown> => cases.find((entry) => entry.name === name)!.config;
const parse = (json: unknown): ModelConfig => parseConfig(json).config;

/** Our config in the file's words. */
function inFileWords(config: ModelConfig): Record<string, unknown> {
  const { rope, eosTokenIds, bosTokenId, ...rest } = config;
  const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const { type, theta, ...scaling } = rope;
  return {
    ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [snake(name), value])),
    bos_token_id: bosTokenId ?? null,
    eos_token_id: eosTokenIds.length === 1 ? eosTokenIds[0] : eosTokenIds,
    rope_parameters: {
      rope_type: type,
      rope_theta: theta,
      ...Object.fromEntries(Object.entries(scaling).map(([name, value]) => [snake(name), value])),
    },
  };
}

test.each(cases)('"$name" reads as Transformers reads it', ({ config, expected }) => {
  const { no_rope_layers: noRope, layer_types: types, ...rest } = expected;
  const layers = expected.num_hidden_layers as number;
  const { type, ...ropeParameters } = expected.rope_parameters as Record<string, unknown>; // the older spelling stays there
  expect(inFileWords(parse(config))).toEqual({
    ...rest,
    no_rope_layers: (noRope as number[]).slice(0, layers),
    layer_types: (types as string[]).slice(0, layers),
    attention_chunk_size: (types as string[]).includes('chunked_attention') ? rest.attention_chunk_size : undefined,
    rope_parameters: { ...ropeParameters, rope_type: ropeParameters.rope_type ?? type },
  });
});

test('temperature tuning published as the number 4 is on', () => {
  expect(parse({ ...written('Scout'), attn_temperature_tuning: 4 }).attnTemperatureTuning).toBe(true);
  expect(parse({ ...written('Scout'), attn_temperature_tuning: 0 }).attnTemperatureTuning).toBe(false);
});

test('a dense model may say so by an interleave step of 0 or by having no experts', () => {
  const { moe_layers: _, ...dense } = written('dense, as MobileLLM-R1');
  expect(parse({ ...dense, interleave_moe_layer_step: 0 }).moeLayers).toEqual([]);
  expect(parse({ ...dense, interleave_moe_layer_step: 1 }).moeLayers).toEqual([]);
});

describe("Scout's first published RoPE scaling", () => {
  const scaling = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  const rope_scaling = { ...scaling, original_max_position_embeddings: 8192 };
  const stale = { ...written('Scout'), rope_scaling };

  test('is corrected, in both layouts, and says so', () => {
    const rope_parameters = { ...rope_scaling, rope_theta: 500000 };
    for (const json of [
      stale,
      { ...stale, rope_scaling: null, rope_parameters },
      { text_config: stale, model_type: 'llama4' },
    ]) {
      const { config, notices } = parseConfig(json);
      expect(config.rope).toMatchObject({ factor: 16, lowFreqFactor: 1, highFreqFactor: 1, theta: 500000 });
      expect(notices).toEqual([expect.stringContaining('as-written')]);
    }
  });

  test('is kept when asked for, on other dimensions and with other values', () => {
    const kept = [
      parseConfig(stale, { ropeScaling: 'as-written' }),
      parseConfig({ ...stale, num_local_experts: 128 }),
      parseConfig({ ...stale, rope_scaling: { ...rope_scaling, factor: 9 } }),
      parseConfig(written('Scoutling')),
    ];
    for (const { config, notices } of kept) {
      expect(config.rope).toMatchObject({ highFreqFactor: 4 });
      expect(notices).toEqual([]);
    }
  });
});

const rope = (changes: object): object => ({
  rope_scaling: { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4, ...changes },
});
const refused: [field: string, changes: object][] = [
  ['architectures', { architectures: ['LlamaForCausalLM'] }],
  ['model_type', { architectures: undefined, model_type: 'llama' }],
  ['text_config', { model_type: 'llama4' }],
  ['hidden_act', { hidden_act: 'gelu' }],
  ['attention_bias', { attention_bias: true }],
  ['num_experts_per_tok', { num_experts_per_tok: 2 }],
  ['hidden_size', { hidden_size: 100 }],
  ['hidden_size', { hidden_size: '128' }],
  ['intermediate_size', { intermediate_size: 12 }],
  ['num_hidden_layers', { num_hidden_layers: 1e9 }],
  ['num_key_value_heads', { num_key_value_heads: 3 }],
  ['head_dim', { head_dim: 30 }],
  ['vocab_size', { vocab_size: -1 }],
  ['rms_norm_eps', { rms_norm_eps: null }],
  ['floor_scale', { floor_scale: 0 }],
  ['use_qk_norm', { use_qk_norm: 1 }],
  ['no_rope_layers', { no_rope_layers: [1, 1, 2, 0, 1] }],
  ['no_rope_layers', { no_rope_layers: [1, 1] }],
  ['no_rope_layer_interval', { no_rope_layer_interval: 0 }],
  ['layer_types', { layer_types: ['sliding_attention', 'x', 'x', 'x', 'x'] }],
  ['layer_types', { layer_types: ['full_attention'] }],
  ['moe_layers', { moe_layers: [5] }],
  ['moe_layers', { moe_layers: [0], num_local_experts: 0 }],
  ['attention_chunk_size', { attention_chunk_size: null }],
  ['eos_token_id', { eos_token_id: ['a'] }],
  ['rope_scaling.rope_type', rope({ rope_type: 'yarn' })],
  ['rope_scaling.factor', rope({ factor: 'x' })],
  ['rope_scaling.high_freq_factor', rope({ high_freq_factor: undefined })],
  ['rope_scaling.low_freq_factor', rope({ low_freq_factor: 8 })],
  ['rope_scaling.partial_rotary_factor', rope({ partial_rotary_factor: 0.5 })],
  ['rope_parameters', { rope_scaling: null, rope_parameters: { full_attention: {}, chunked_attention: {} } }],
];

test.each(refused)('an unsupported %s is refused by name (%j)', (field, changes) => {
  const json = JSON.parse(JSON.stringify({ ...written('scout-random'), ...changes })); // as a file: undefined is absent
  expect(() => parseConfig(json)).toThrow(
    expect.objectContaining({
      code: 'config_unsupported',
      message: expect.stringMatching(/supported is/),
      details: expect.objectContaining({ field }),
    }),
  );
});

test('what is no config at all is refused', () => {
  for (const json of [null, [], 'text', 7, {}]) {
    expect(() => parseConfig(json)).toThrow(expect.objectContaining({ code: 'config_unsupported' }));
  }
});

describe('generation_config.json', () => {
  test('gives sampling defaults and end ids, and leaves the rest undefined', () => {
    const json = { do_sample: true, temperature: 0.6, top_p: 0.9, eos_token_id: [401, 407], bos_token_id: 400 };
    expect(parseGenerationConfig(json).config).toEqual({
      temperature: 0.6,
      topP: 0.9,
      topK: undefined,
      minP: undefined,
      repetitionPenalty: undefined,
      eosTokenIds: [401, 407],
    });
    expect(parseGenerationConfig({}).config.eosTokenIds).toBeUndefined();
  });

  test('do_sample false means temperature 0', () => {
    expect(parseGenerationConfig({ do_sample: false, temperature: 0.6 }).config.temperature).toBe(0);
  });

  test('what cannot be honoured is a notice, and what makes no sense an error', () => {
    const { config, notices } = parseGenerationConfig({
      repetition_penalty: 1.2,
      no_repeat_ngram_size: 3,
      num_beams: 1,
    });
    expect(config.repetitionPenalty).toBe(1.2);
    expect(notices).toEqual([expect.stringContaining('no_repeat_ngram_size')]);
    for (const json of [
      [],
      { repetition_penalty: 0 },
      { temperature: 'hot' },
      { top_p: 2 },
      { top_k: 1.5 },
      { eos_token_id: 'end' },
    ]) {
      expect(() => parseGenerationConfig(json)).toThrow(expect.objectContaining({ code: 'config_unsupported' }));
    }
  });
});
