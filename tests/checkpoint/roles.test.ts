import { describe, expect, test } from 'vitest';
import type { FloatMatrix } from '../../src/checkpoint/model-tensors.ts';
import { parseQuantization } from '../../src/checkpoint/quantization.ts';
import { assign, plain, type Shapes, stored, unfused, without } from './model-shapes.ts';

const int4g64 = parseQuantization({
  quantization_config: {
    quant_method: 'compressed-tensors',
    format: 'pack-quantized',
    config_groups: { a: { weights: { num_bits: 4, type: 'int', strategy: 'group', group_size: 64 } } },
  },
})!;

function int4(shapes: Shapes, part: string): Shapes {
  return stored(shapes, part, (rows, cols) => ({
    weight_packed: ['I32', rows, cols / 8],
    weight_scale: ['BF16', rows, cols / 64],
    weight_shape: ['I64', 2],
  }));
}

const error = (code: string, message: string | RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

test('every tensor of a plain checkpoint finds its role', () => {
  const { layers, embedTokens, lmHead, norm, format, notices } = assign(plain);
  expect({ format, notices }).toEqual({ format: 'bf16', notices: [] });
  const weight = { name: 'model.embed_tokens.weight' };
  expect(embedTokens).toMatchObject({ kind: 'float', rows: 100, cols: 128, weight });
  expect(lmHead).toMatchObject({ kind: 'float', weight: { name: 'lm_head.weight' } });
  expect(norm.name).toBe('model.norm.weight');
  expect(layers[0]?.feedForward).toMatchObject({ kind: 'dense', downProj: { rows: 128, cols: 512 } });
  const q = { name: 'model.layers.1.self_attn.q_proj.weight' };
  expect(layers[1]?.qProj).toMatchObject({ rows: 256, cols: 128, weight: q });
  const { feedForward } = layers[1]!;
  expect(feedForward).toMatchObject({
    kind: 'moe',
    router: { rows: 3 },
    sharedExpert: { upProj: { weight: { name: 'model.layers.1.feed_forward.shared_expert.up_proj.weight' } } },
  });
});

test('a fused expert is a part of the stack, [in, out], of which it takes its own bytes', () => {
  const { feedForward } = assign(plain).layers[1]!;
  if (feedForward.kind !== 'moe') throw new Error('not a mixture');
  const [first, , third] = feedForward.experts;
  const bytes = 128 * 512 * 2;
  const stack = (first!.gateUp[0] as FloatMatrix).weight.start;
  expect(feedForward.experts).toHaveLength(3);
  expect(third?.gateUp).toMatchObject([
    {
      ...{ kind: 'float', transposed: true, rows: 512, cols: 128 },
      weight: { shape: [128, 512], start: stack + 2 * bytes, end: stack + 3 * bytes },
    },
  ]);
  expect(third?.down).toMatchObject({ transposed: true, rows: 128, cols: 256, weight: { shape: [256, 128] } });
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
  const { layers, notices } = assign({ ...Object.fromEntries(renamed), ...vision });
  expect(layers[0]?.qProj).toMatchObject({ rows: 256 });
  expect(notices).toEqual([]);
});

test('quantization is decided tensor by tensor, by what is there', () => {
  const shapes = int4(int4(unfused(), 'experts.1.up_proj'), 'embed_tokens');
  const { layers, embedTokens, lmHead, format } = assign(shapes, int4g64);
  const { feedForward } = layers[1]!;
  if (feedForward.kind !== 'moe') throw new Error('not a mixture');
  expect(feedForward.experts.map(({ gateUp }) => gateUp[1]?.kind)).toEqual(['float', 'int4', 'float']);
  expect(feedForward.experts[1]?.gateUp[1]).toMatchObject({
    rows: 256,
    cols: 128,
    groupSize: 64,
    zeroPoints: undefined,
  });
  expect([embedTokens.kind, lmHead.kind]).toEqual(['int4', 'float']);
  expect(format).toBe('compressed-tensors int4, groups of 64, symmetric; rest bf16');
});

test('a tied head is the embedding itself, whichever name it is stored under, unless both are there', () => {
  const tied = { tieWordEmbeddings: true };
  for (const shapes of [without(plain, 'lm_head'), without(plain, 'embed_tokens')]) {
    const { embedTokens, lmHead } = assign(shapes, undefined, tied);
    expect(lmHead).toBe(embedTokens);
  }
  expect(assign(plain, undefined, tied).lmHead).toMatchObject({ weight: { name: 'lm_head.weight' } });
  expect(() => assign(without(plain, 'lm_head'))).toThrow(error('tensor_missing', '"lm_head.weight"'));
});

test('tensors that are not used, and a declaration without quantized matrices, are said', () => {
  const extra: Shapes = {
    ...plain,
    'model.layers.7.input_layernorm.weight': ['BF16', 128],
    'model.norm.q_scale': ['F32'],
  };
  expect(assign(extra, int4g64).notices).toEqual([
    expect.stringContaining('compressed-tensors quantization, but no matrix'),
    expect.stringContaining('1 tensors of the language model are not used, such as "layers.7.input_layernorm.weight"'),
  ]);
});

describe('a checkpoint is refused where', () => {
  const router = 'model.layers.1.feed_forward.router.weight';
  const q = 'model.layers.0.self_attn.q_proj';
  const experts = 'model.layers.1.feed_forward.experts';
  const twice: Shapes = { ...int4(plain, 'layers.0.self_attn.q_proj'), [`${q}.weight`]: ['BF16', 256, 128] };
  const refusals: [string, Shapes, string, string | RegExp][] = [
    ['a tensor is missing', without(plain, router), 'tensor_missing', /router\.weight.*all shards/],
    ['an expert is missing', without(unfused(), 'experts.2.'), 'tensor_missing', 'experts.2.gate_proj.weight'],
    ['a shape is another', { ...plain, [router]: ['BF16', 4, 128] }, 'tensor_mismatch', /\[4, 128\].*\[3, 128\]/],
    ['a norm has another rank', { ...plain, 'model.norm.weight': ['BF16', 1, 128] }, 'tensor_mismatch', /\[1, 128\]/],
    ['a norm is not floats', { ...plain, 'model.norm.weight': ['I32', 128] }, 'tensor_mismatch', /is I32/],
    [
      'a name matches twice',
      { ...plain, 'model.lm_head.weight': ['BF16', 1] },
      'tensor_mismatch',
      /Both "lm_head.*lm_head/,
    ],
    ['a matrix is there twice', twice, 'tensor_mismatch', 'both there'],
    ['a layer has a bias', { ...plain, [`${q}.bias`]: ['BF16', 256] }, 'tensor_mismatch', 'no biases'],
    [
      'experts are of another shape',
      { ...plain, [`${experts}.down_proj`]: ['F32', 3, 128, 256] },
      'tensor_mismatch',
      /256\]/,
    ],
    [
      'fused experts are FP8',
      { ...plain, [`${experts}.gate_up_proj`]: ['F8_E4M3', 3, 128, 512] },
      'quantization_unsupported',
      'FP8 in fused',
    ],
    [
      'fused experts are MXFP4',
      { ...plain, [`${experts}.gate_up_proj_blocks`]: ['U8', 1] },
      'quantization_unsupported',
      'MXFP4',
    ],
  ];
  test.each(refusals)('%s', (_name, shapes, code, message) => {
    expect(() => assign(shapes, int4g64)).toThrow(error(code, message));
  });
});
