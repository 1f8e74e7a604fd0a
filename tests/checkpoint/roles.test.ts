import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src/checkpoint/open.ts';
import { parseQuantization, type QuantizationConfig } from '../../src/checkpoint/quantization.ts';
import { assignRoles, type ModelTensors, type TextDims } from '../../src/checkpoint/roles.ts';
import type { Dtype, Tensor } from '../../src/checkpoint/tensor.ts';
import { parseConfig } from '../../src/model/config.ts';
import { openSource } from '../../src/storage/open.ts';

/** One dense layer, then one with experts. */
const dims: TextDims = {
  hiddenSize: 128,
  intermediateSize: 256,
  intermediateSizeMlp: 512,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 64,
  vocabSize: 100,
  numLocalExperts: 3,
  moeLayers: [1],
  tieWordEmbeddings: false,
};
const int4g64: QuantizationConfig = { schemes: [{ groupSize: 64, symmetric: true }] };

type Shapes = Record<string, [dtype: Dtype, ...shape: number[]]>;

function attentionShapes(at: string): Shapes {
  return {
    [`${at}.input_layernorm.weight`]: ['BF16', 128],
    [`${at}.post_attention_layernorm.weight`]: ['BF16', 128],
    [`${at}.self_attn.q_proj.weight`]: ['BF16', 256, 128],
    [`${at}.self_attn.k_proj.weight`]: ['BF16', 128, 128],
    [`${at}.self_attn.v_proj.weight`]: ['BF16', 128, 128],
    [`${at}.self_attn.o_proj.weight`]: ['BF16', 128, 256],
  };
}

function feedForwardShapes(at: string, inter: number): Shapes {
  return {
    [`${at}.gate_proj.weight`]: ['BF16', inter, 128],
    [`${at}.up_proj.weight`]: ['BF16', inter, 128],
    [`${at}.down_proj.weight`]: ['BF16', 128, inter],
  };
}

const plain: Shapes = {
  'model.embed_tokens.weight': ['BF16', 100, 128],
  'model.norm.weight': ['BF16', 128],
  'lm_head.weight': ['BF16', 100, 128],
  ...attentionShapes('model.layers.0'),
  ...feedForwardShapes('model.layers.0.feed_forward', 512),
  ...attentionShapes('model.layers.1'),
  'model.layers.1.feed_forward.router.weight': ['BF16', 3, 128],
  ...feedForwardShapes('model.layers.1.feed_forward.shared_expert', 256),
  'model.layers.1.feed_forward.experts.gate_up_proj': ['BF16', 3, 128, 512],
  'model.layers.1.feed_forward.experts.down_proj': ['BF16', 3, 256, 128],
};

function without(shapes: Shapes, ...names: string[]): Shapes {
  return Object.fromEntries(Object.entries(shapes).filter(([name]) => !names.some((part) => name.includes(part))));
}

function unfused(): Shapes {
  const at = 'model.layers.1.feed_forward.experts';
  const experts = [0, 1, 2].map((expert) => feedForwardShapes(`${at}.${expert}`, 256));
  return Object.assign(without(plain, 'experts.'), ...experts);
}

/** Every matrix whose name holds `part` as int4. */
function int4(shapes: Shapes, part: string, { groupSize = 64, asymmetric = false } = {}): Shapes {
  const entries = Object.entries(shapes).flatMap(([name, value]): [string, Shapes[string]][] => {
    const [, rows, cols] = value;
    if (!name.includes(part) || cols === undefined || !name.endsWith('.weight')) return [[name, value]];
    return [
      [`${name}_packed`, ['I32', rows!, cols / 8]],
      [`${name}_scale`, ['BF16', rows!, cols / groupSize]],
      [`${name}_shape`, ['I64', 2]],
      ...(asymmetric ? [[`${name}_zero_point`, ['I32', Math.ceil(rows! / 8), cols / groupSize]] as never] : []),
    ];
  });
  return Object.fromEntries(entries);
}

function assign(shapes: Shapes, quantization?: QuantizationConfig, changes: Partial<TextDims> = {}): ModelTensors {
  const tensors = Object.entries(shapes).map(([name, [dtype, ...shape]]): [string, Tensor] => [
    name,
    { name, dtype, shape, file: 'f', start: 0, end: 0 },
  ]);
  return assignRoles({ ...dims, ...changes }, new Map(tensors), quantization);
}

const error = (code: string, message: string | RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

test('every tensor of a plain checkpoint finds its role', () => {
  const { layers, embedTokens, lmHead, norm } = assign(plain);
  expect(embedTokens).toMatchObject({
    kind: 'float',
    rows: 100,
    cols: 128,
    weight: { name: 'model.embed_tokens.weight' },
  });
  expect(lmHead).toMatchObject({ kind: 'float', weight: { name: 'lm_head.weight' } });
  expect(norm.name).toBe('model.norm.weight');
  expect(layers[0]?.feedForward).toMatchObject({ kind: 'dense', downProj: { rows: 128, cols: 512 } });
  expect(layers[1]?.qProj).toMatchObject({
    rows: 256,
    cols: 128,
    weight: { name: 'model.layers.1.self_attn.q_proj.weight' },
  });
  expect(layers[1]?.feedForward).toMatchObject({
    kind: 'moe',
    router: { rows: 3 },
    sharedExpert: { upProj: { weight: { name: 'model.layers.1.feed_forward.shared_expert.up_proj.weight' } } },
    experts: { kind: 'fused', dtype: 'BF16', gateUp: { shape: [3, 128, 512] } },
  });
});

test.each([
  ['language_model.', ''],
  ['model.language_model.', 'model.'],
  ['', 'model.'],
])('names with "%s" in front and without "%s" are the same names, and vision tensors are left alone', (prefix, cut) => {
  const renamed = Object.entries(plain).map(([name, value]) => [
    prefix + (name.startsWith(cut) ? name.slice(cut.length) : name),
    value,
  ]);
  const vision: Shapes = {
    'vision_model.model.layers.0.self_attn.q_proj.weight': ['F32', 1],
    'model.vision_model.model.layers.0.input_layernorm.weight': ['F32', 1],
    'multi_modal_projector.linear_1.weight': ['F32', 1],
  };
  const { layers } = assign({ ...Object.fromEntries(renamed), ...vision });
  expect(layers[0]?.qProj).toMatchObject({ rows: 256 });
});

test('quantization is decided tensor by tensor, by what is there', () => {
  const shapes = int4(int4(unfused(), 'experts.1.up_proj'), 'embed_tokens');
  const { layers, embedTokens, lmHead } = assign(shapes, int4g64);
  const { feedForward } = layers[1]!;
  if (feedForward.kind !== 'moe' || feedForward.experts.kind !== 'linear') throw new Error('not un-fused');
  const { experts } = feedForward.experts;
  expect(experts.map(({ upProj }) => upProj.kind)).toEqual(['float', 'int4', 'float']);
  expect(experts[1]?.upProj).toMatchObject({ rows: 256, cols: 128, groupSize: 64, zeroPoints: undefined });
  expect([embedTokens.kind, lmHead.kind]).toEqual(['int4', 'float']);
});

test.each([32, 64, 128] as const)('int4 in groups of %i, with and without zero points', (groupSize) => {
  for (const asymmetric of [false, true]) {
    const quantization: QuantizationConfig = { schemes: [{ groupSize, symmetric: !asymmetric }] };
    const { lmHead } = assign(int4(plain, 'lm_head', { groupSize, asymmetric }), quantization);
    expect(lmHead).toMatchObject({ kind: 'int4', groupSize });
    // 100 rows take 13 words
    if (lmHead.kind === 'int4')
      expect(lmHead.zeroPoints?.shape).toEqual(asymmetric ? [13, 128 / groupSize] : undefined);
  }
});

test('a tied head is the embedding itself, whichever name it is stored under, unless both are there', () => {
  const tied = { tieWordEmbeddings: true };
  for (const stored of [without(plain, 'lm_head'), without(plain, 'embed_tokens')]) {
    const { embedTokens, lmHead } = assign(stored, undefined, tied);
    expect(lmHead).toBe(embedTokens);
  }
  expect(assign(plain, undefined, tied).lmHead).toMatchObject({ weight: { name: 'lm_head.weight' } });
  expect(() => assign(without(plain, 'lm_head'))).toThrow(error('tensor_missing', '"lm_head.weight"'));
});

describe('a checkpoint is refused where', () => {
  const router = 'model.layers.1.feed_forward.router.weight';
  const q = 'model.layers.0.self_attn.q_proj';
  const int4q = int4(plain, 'layers.0.self_attn.q_proj');
  const refusals: [string, Shapes, string, string | RegExp, QuantizationConfig?][] = [
    ['a tensor is missing', without(plain, router), 'tensor_missing', /router\.weight.*all shards/],
    ['an expert is missing', without(unfused(), 'experts.2.'), 'tensor_missing', 'experts.2.gate_proj.weight'],
    ['a scale is missing', without(int4q, 'q_proj.weight_scale'), 'tensor_missing', 'q_proj.weight_scale', int4g64],
    ['a shape is another', { ...plain, [router]: ['BF16', 4, 128] }, 'tensor_mismatch', /\[4, 128\].*\[3, 128\]/],
    [
      'a rank is another',
      { ...plain, 'model.norm.weight': ['BF16', 1, 128] },
      'tensor_mismatch',
      /\[1, 128\].*\[128\]/,
    ],
    [
      'a name matches twice',
      { ...plain, 'model.lm_head.weight': ['BF16', 1] },
      'tensor_mismatch',
      /Both "lm_head.*lm_head/,
    ],
    [
      'a matrix is there twice',
      { ...int4q, [`${q}.weight`]: ['BF16', 256, 128] },
      'tensor_mismatch',
      'both there',
      int4g64,
    ],
    [
      'packed words do not fit',
      { ...int4q, [`${q}.weight_packed`]: ['I32', 256, 15] },
      'tensor_mismatch',
      /15\].*16\]/,
      int4g64,
    ],
    [
      'the group size is not declared',
      int4q,
      'tensor_mismatch',
      'groups of 64.*groups of 128',
      { schemes: [{ groupSize: 128, symmetric: true }] },
    ],
    [
      'zero points are not declared',
      int4(plain, 'lm_head', { asymmetric: true }),
      'tensor_mismatch',
      'asymmetric',
      int4g64,
    ],
    ['no quantization is declared', int4q, 'tensor_mismatch', 'declares no quantization'],
    [
      'the groups are odd',
      { ...int4q, [`${q}.weight_scale`]: ['BF16', 256, 3] },
      'quantization_unsupported',
      '3 scales',
      int4g64,
    ],
    [
      'columns are reordered',
      { ...int4q, [`${q}.weight_g_idx`]: ['I32', 128] },
      'quantization_unsupported',
      'weight_g_idx',
      int4g64,
    ],
    ['weights are fp8', { ...plain, [`${q}.weight`]: ['F8_E4M3', 256, 128] }, 'quantization_unsupported', 'fp8'],
    ['weights are int8', { ...plain, [`${q}.weight`]: ['I8', 256, 128] }, 'quantization_unsupported', 'int8'],
    [
      'fused experts are fp8',
      { ...plain, 'model.layers.1.feed_forward.experts.gate_up_proj': ['F8_E4M3', 3, 128, 512] },
      'quantization_unsupported',
      'fp8',
    ],
    [
      'fused experts differ',
      { ...plain, 'model.layers.1.feed_forward.experts.down_proj': ['F32', 3, 256, 128] },
      'tensor_mismatch',
      'one dtype',
    ],
  ];
  test.each(refusals)('%s', (_name, shapes, code, message, quantization) => {
    expect(() => assign(shapes, quantization)).toThrow(error(code, message));
  });
});

const GOLDENS = new URL('../../../shared/goldens/', import.meta.url);

describe.skipIf(!existsSync(GOLDENS))('goldens (../shared/goldens)', () => {
  const open = async (
    name: string,
  ): Promise<{ json: Record<string, unknown>; tensors: ReadonlyMap<string, Tensor> }> => {
    const { configJson, tensors } = await openCheckpoint(await openSource(new URL(name, GOLDENS).href));
    return { json: configJson as Record<string, unknown>, tensors };
  };

  test.each([
    ['scout-random', 'fused', undefined],
    ['maverick-random', 'fused', undefined],
    ['vision-random', 'fused', undefined],
    ['scout-random-w4a16', 'linear', 128],
    ['scout-random-w4a16-asym-g64', 'linear', 64],
  ])('%s: all roles are found', async (name, kind, groupSize) => {
    const { json, tensors } = await open(name);
    const { layers } = assignRoles(parseConfig(json).config, tensors, parseQuantization(json));
    const { feedForward } = layers.at(-1)!;
    expect(feedForward).toMatchObject({ kind: 'moe', experts: { kind } });
    if (groupSize) expect(feedForward).toMatchObject({ sharedExpert: { upProj: { kind: 'int4', groupSize } } });
  });

  test.each([
    ['scout-random-fp8', 'float-quantized', 'fp8'],
    ['scout-random-nvfp4', 'nvfp4-pack-quantized', 'NVFP4'],
    ['scout-random-gptq', '"gptq"', 'GPTQ'],
    ['scout-random-awq', '"awq"', 'AWQ'],
    ['scout-random-nf4', '"bitsandbytes"', 'bitsandbytes'],
    ['scout-random-mlx4', 'MLX', 'MLX'],
  ])('%s: refused by its config and by its tensors, by name', async (name, byConfig, byTensors) => {
    const { json, tensors } = await open(name);
    expect(() => parseQuantization(json)).toThrow(error('quantization_unsupported', byConfig));
    const { config } = parseConfig(json);
    expect(() => assignRoles(config, tensors, undefined)).toThrow(error('quantization_unsupported', byTensors));
  });
});
