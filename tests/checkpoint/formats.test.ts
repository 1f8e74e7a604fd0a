import { describe, expect, test } from 'vitest';
import type { Facts, QuantizationConfig, Qweight } from '../../src/checkpoint/formats/facts.ts';
import type { Int4Matrix, LayerTensors, Matrix, Nf4Matrix } from '../../src/checkpoint/model-tensors.ts';
import { OutriderError } from '../../src/errors.ts';
import { assign, plain, type Shapes, stored, unfused, without } from './model-shapes.ts';

type Suffixes = (rows: number, cols: number) => Shapes;

const config = (facts: Facts, more: Partial<QuantizationConfig> = {}): QuantizationConfig => ({
  ...{ method: 'test', schemes: [facts], overrides: new Map(), qweight: undefined, notices: [] },
  ...more,
});
const gptq: Qweight = { packing: 'gptq', zeroOffset: 1, ordered: false };
const awq: Qweight = { packing: 'awq', hasZeroPoints: true };

interface Case {
  readonly tensors: Suffixes;
  readonly config?: QuantizationConfig;
  /** What the matrix of [256, 128] must be. */
  readonly matrix: object;
  readonly format: string;
}

const int4 = (rows: number, cols: number): Shapes => ({
  weight_packed: ['I32', rows, cols / 8],
  weight_scale: ['BF16', rows, cols / 64],
});
const fp8 =
  (...scales: number[]): Suffixes =>
  (rows, cols) => ({ weight: ['F8_E4M3', rows, cols], weight_scale: ['F32', ...scales] });
const qweight: Suffixes = (rows, cols) => ({
  qweight: ['I32', cols / 8, rows],
  qzeros: ['I32', cols / 64, rows / 8],
  scales: ['F16', cols / 64, rows],
  g_idx: ['I32', cols],
});
const qweightAwq: Suffixes = (rows, cols) => ({
  qweight: ['I32', cols, rows / 8],
  qzeros: ['I32', cols / 64, rows / 8],
  scales: ['F16', cols / 64, rows],
});
const affine =
  (bits: number, groupSize = 64): Suffixes =>
  (rows, cols) => ({
    weight: ['U32', rows, (cols * bits) / 32],
    scales: ['BF16', rows, cols / groupSize],
    biases: ['BF16', rows, cols / groupSize],
  });
const nf4 = (rows: number, cols: number): Shapes => ({
  weight: ['U8', (rows * cols) / 2, 1],
  'weight.absmax': ['F32', (rows * cols) / 64],
  'weight.quant_map': ['F32', 16],
  'weight.quant_state.bitsandbytes__nf4': ['U8', 90],
});
const nestedNf4: Suffixes = (rows, cols) => ({
  ...nf4(rows, cols),
  'weight.absmax': ['U8', (rows * cols) / 64],
  'weight.nested_absmax': ['F32', Math.ceil((rows * cols) / 64 / 256)],
  'weight.nested_quant_map': ['F32', 256],
});
const nvfp4: Suffixes = (rows, cols) => ({
  weight_packed: ['U8', rows, cols / 2],
  weight_scale: ['F8_E4M3', rows, cols / 16],
  weight_global_scale: ['F32', 1],
  input_global_scale: ['F32', 1],
});
const modelOpt: Suffixes = (rows, cols) => ({
  weight: ['U8', rows, cols / 2],
  weight_scale: ['F8_E4M3', rows, cols / 16],
  weight_scale_2: ['F32'],
  input_scale: ['F32'],
});

const int4Facts: Facts = { format: 'compressed-tensors int4', groupSize: 64, symmetric: true };
const gptqConfig = config({ format: 'GPTQ int4', groupSize: 64 }, { qweight: gptq });
const awqConfig = config({ format: 'AWQ int4', groupSize: 64 }, { qweight: awq });
const Q = 'layers.0.self_attn.q_proj';
const q = `model.${Q}`;

const CASES: Record<string, Case> = {
  'compressed-tensors int4': {
    tensors: int4,
    config: config(int4Facts),
    matrix: {
      kind: 'int4',
      packing: 'compressed-tensors',
      groupSize: 64,
      zeroPoints: undefined,
      groupIndex: undefined,
    },
    format: 'compressed-tensors int4, groups of 64, symmetric; rest bf16',
  },
  'the same in activation order': {
    tensors: (rows, cols) => ({ ...int4(rows, cols), weight_g_idx: ['I32', cols] }),
    config: config({ ...int4Facts, ordered: true }),
    matrix: { kind: 'int4', groupIndex: { shape: [128] } },
    format: 'compressed-tensors int4, groups of 64, symmetric, in activation order; rest bf16',
  },
  GPTQ: {
    tensors: qweight,
    config: gptqConfig,
    matrix: { kind: 'int4', packing: 'gptq', zeroOffset: 1, groupIndex: undefined, zeroPoints: { shape: [2, 32] } },
    format: 'GPTQ int4, groups of 64; rest bf16',
  },
  'GPTQ in activation order, second format': {
    tensors: qweight,
    config: config({ format: 'GPTQ int4' }, { qweight: { ...gptq, zeroOffset: 0, ordered: true } }),
    matrix: { packing: 'gptq', zeroOffset: 0, groupIndex: { shape: [128] } },
    format: 'GPTQ int4, groups of 64, in activation order; rest bf16',
  },
  AWQ: {
    tensors: qweightAwq,
    config: awqConfig,
    matrix: { kind: 'int4', packing: 'awq', zeroOffset: 0, zeroPoints: { shape: [2, 32] }, divisor: undefined },
    format: 'AWQ int4, groups of 64; rest bf16',
  },
  'AWQ without zero points': {
    tensors: (rows, cols) => without(qweightAwq(rows, cols), 'qzeros'),
    config: config({ format: 'AWQ int4', groupSize: 64 }, { qweight: { ...awq, hasZeroPoints: false } }),
    matrix: { packing: 'awq', zeroPoints: undefined },
    format: 'AWQ int4, groups of 64; rest bf16',
  },
  'MLX, 8 bits': {
    tensors: affine(8, 32),
    config: config({ format: 'MLX affine', bits: 8, groupSize: 32 }),
    matrix: { kind: 'affine', bits: 8, groupSize: 32, packed: { shape: [256, 32] } },
    format: 'MLX affine 8 bits, groups of 32; rest bf16',
  },
  'FP8 per channel, not declared': {
    tensors: fp8(256, 1),
    matrix: { kind: 'fp8', block: { rows: 1, cols: 128 } },
    format: 'FP8, a scale per channel; rest bf16',
  },
  'FP8 per block': {
    tensors: (rows, cols) => ({ weight: ['F8_E4M3', rows, cols], weight_scale_inv: ['F32', 2, 1] }),
    config: config({ format: 'FP8', scalePer: 'block' }),
    matrix: { kind: 'fp8', block: { rows: 128, cols: 128 } },
    format: 'FP8, a scale per 128 x 128 block; rest bf16',
  },
  'FP8 per tensor': {
    tensors: fp8(),
    config: config({ format: 'FP8' }),
    matrix: { kind: 'fp8', block: { rows: 256, cols: 128 } },
    format: 'FP8, a scale per tensor; rest bf16',
  },
  'compressed-tensors NVFP4': {
    tensors: nvfp4,
    config: config({ format: 'compressed-tensors NVFP4' }),
    matrix: { kind: 'nvfp4', divides: true, transposed: false },
    format: 'compressed-tensors NVFP4; rest bf16',
  },
  'ModelOpt NVFP4, not declared': {
    tensors: modelOpt,
    matrix: { kind: 'nvfp4', divides: false, transposed: false },
    format: 'ModelOpt NVFP4; rest bf16',
  },
  NF4: {
    tensors: nf4,
    config: config({ format: 'bitsandbytes NF4' }),
    matrix: { kind: 'nf4', nested: undefined, packed: { shape: [16384], dtype: 'U8' } },
    format: 'bitsandbytes NF4; rest bf16',
  },
  'NF4 stored as bf16, its maxima quantized': {
    tensors: (rows, cols) => ({ ...nestedNf4(rows, cols), weight: ['BF16', (rows * cols) / 4, 1] }),
    matrix: { kind: 'nf4', nested: { first: 0 }, packed: { shape: [16384], dtype: 'U8' } },
    format: 'bitsandbytes NF4; rest bf16',
  },
};

test.each(Object.entries(CASES))('%s is read', (_name, { tensors, config: declared, matrix, format }) => {
  const assigned = assign(stored(plain, Q, tensors), declared);
  expect(assigned.layers[0]?.qProj).toMatchObject({ rows: 256, cols: 128, ...matrix });
  expect(assigned).toMatchObject({ format, notices: [] });
});

function refusalOf(assigning: () => unknown): OutriderError {
  try {
    assigning();
  } catch (error) {
    if (error instanceof OutriderError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('of every format, a tensor that is missing, of another shape or of another dtype is named', () => {
  const optional = /g_idx|input_|nested_absmax$|zero_point/;
  const rows = Object.entries(CASES).flatMap(([name, { tensors, config: declared }]) =>
    Object.keys(tensors(256, 128))
      .filter((suffix) => !optional.test(suffix))
      .map((suffix) => [name, suffix, tensors, declared] as const),
  );
  test.each(rows)('%s: %s', (_name, suffix, tensors, declared) => {
    const shapes = stored(plain, Q, tensors);
    const [dtype, ...shape] = shapes[`${q}.${suffix}`]!;
    const { [`${q}.${suffix}`]: _, ...missing } = shapes;
    const wrong: Shapes[] = [missing];
    if (!suffix.includes('quant_state')) {
      // the state is JSON of any length, which is read with the weights
      wrong.push({ ...shapes, [`${q}.${suffix}`]: [dtype, (shape[0] ?? 1) + 1, ...shape.slice(1)] });
      wrong.push({ ...shapes, [`${q}.${suffix}`]: ['I64', ...shape] });
    }
    for (const changed of wrong) {
      const error = refusalOf(() => assign(changed, declared));
      expect(error.code).toMatch(/^(?:tensor_missing|tensor_mismatch|quantization_unsupported)$/);
      expect(`${error.message} ${error.details.tensor}`).toContain(Q);
    }
  });
});

describe('a matrix that config.json does not declare so is a mismatch that says both', () => {
  const of = (name: string): Shapes => stored(plain, Q, CASES[name]!.tensors);
  test.each<[string, Shapes, QuantizationConfig | undefined, string]>([
    [
      'another group size',
      of('compressed-tensors int4'),
      config({ ...int4Facts, groupSize: 128 }),
      'groups of 64, symmetric, but config.json declares compressed-tensors int4, groups of 128',
    ],
    ['no zero points', of('compressed-tensors int4'), config({ ...int4Facts, symmetric: false }), 'asymmetric'],
    ['no order', of('compressed-tensors int4'), config({ ...int4Facts, ordered: true }), 'activation order'],
    ['no declaration', of('compressed-tensors int4'), undefined, 'declares no quantization'],
    ['another format', of('FP8 per channel, not declared'), config(int4Facts), 'FP8, a scale per channel'],
    ['another coverage', of('FP8 per tensor'), config({ format: 'FP8', scalePer: 'channel' }), 'a scale per tensor'],
    ['other bits', of('MLX, 8 bits'), config({ format: 'MLX affine', bits: 4, groupSize: 32 }), 'MLX affine 8 bits'],
    [
      'an override',
      of('MLX, 8 bits'),
      config(CASES['MLX, 8 bits']!.config!.schemes[0]!, { overrides: new Map([[Q, false]]) }),
      'no quantization for it',
    ],
  ])('%s', (_name, shapes, declared, message) => {
    const mismatch = { code: 'tensor_mismatch', message: expect.stringContaining(message) };
    expect(() => assign(shapes, declared)).toThrow(expect.objectContaining(mismatch));
  });

  test('an override decides for its module alone', () => {
    const overrides = new Map([[Q, { format: 'MLX affine', bits: 8, groupSize: 32 } as const]]);
    const shapes = stored(stored(plain, Q, affine(8, 32)), 'lm_head', affine(4));
    const { layers, lmHead } = assign(shapes, config({ format: 'MLX affine', bits: 4, groupSize: 64 }, { overrides }));
    expect([layers[0]?.qProj, lmHead]).toMatchObject([{ bits: 8 }, { bits: 4 }]);
  });
});

test.each<[string, Suffixes, string, QuantizationConfig?]>([
  ['int8', (r, c) => ({ weight: ['I8', r, c], weight_scale: ['F32', r, 1] }), 'int8'],
  ['int8 of bitsandbytes', (r, c) => ({ weight: ['I8', r, c], SCB: ['F32', r] }), 'bitsandbytes int8'],
  [
    'fp4 of bitsandbytes',
    (r, c) => ({ weight: ['U8', (r * c) / 2, 1], 'weight.quant_state.bitsandbytes__fp4': ['U8', 9] }),
    'bitsandbytes FP4',
  ],
  ['E5M2', (r, c) => ({ weight: ['F8_E5M2', r, c] }), 'FP8 E5M2'],
  ['MLX in 3 bits', affine(3), 'MLX affine of 3 bits'],
  ['MLX mxfp4', (r, c) => ({ weight: ['U32', r, c / 8], scales: ['U8', r, c / 32] }), 'MLX without biases'],
  ['bytes', (r, c) => ({ weight: ['U8', r, c] }), 'bytes of an unknown format'],
  ['MXFP4', (r, c) => ({ weight_packed: ['U8', r, c / 2], weight_scale: ['U8', r, c / 32] }), 'MXFP4'],
  ['HQQ', (r, c) => ({ W_q: ['U8', r, c] }), 'HQQ'],
  ['AQLM', (r) => ({ codebooks: ['F16', r] }), 'AQLM'],
  ['a scaled input', (r, c) => ({ ...modelOpt(r, c), pre_quant_scale: ['BF16', c] }), 'pre_quant_scale'],
  ['fake quantization', (r, c) => ({ weight: ['BF16', r, c], weight_scale: ['BF16', r, 1] }), 'not yet compressed'],
  ['int4 with odd groups', (r, c) => ({ ...int4(r, c), weight_scale: ['BF16', r, 3] }), '3 scales'],
  ['packed int8', (r, c) => ({ ...int4(r, c), weight_packed: ['I32', r, c / 4] }), 'integers of 8 bits'],
  [
    'GPTQ of 3 bits',
    (r, c) => ({ ...qweight(r, c), qweight: ['I32', (c * 3) / 32, r] }),
    'integers of 3 bits',
    gptqConfig,
  ],
  ['an undeclared qweight', qweight, 'GPTQ or AWQ'],
  ['NF4 in blocks of 128', (r, c) => ({ ...nf4(r, c), 'weight.absmax': ['F32', (r * c) / 128] }), 'no block of 64'],
  ['FP8 in groups', fp8(256, 4), '4 scales a row'],
])('%s is refused by name', (_name, tensors, named, declared) => {
  const refusal = { code: 'quantization_unsupported', message: expect.stringContaining(named) };
  expect(() => assign(stored(plain, Q, tensors), declared)).toThrow(expect.objectContaining(refusal));
});

describe('experts', () => {
  const at = 'model.layers.1.feed_forward.experts';
  const expertsOf = (layers: readonly LayerTensors[]) => {
    const { feedForward } = layers[1]!;
    if (feedForward.kind !== 'moe') throw new Error('not a mixture');
    return feedForward.experts;
  };
  /** Stacks of the three projections under MLX's and bitsandbytes' names. */
  const stacks = (tensors: (rows: number, cols: number) => Shapes): Shapes => {
    const projections = { gate_proj: [256, 128], up_proj: [256, 128], down_proj: [128, 256] } as const;
    const all = Object.entries(projections).map(([name, [rows, cols]]) =>
      Object.fromEntries(
        Object.entries(tensors(rows, cols)).map(([suffix, shape]) => [`${at}.${name}.${suffix}`, shape]),
      ),
    );
    return Object.assign(without(plain, 'experts.'), ...all);
  };
  const stacked =
    (tensors: Suffixes): Suffixes =>
    (rows, cols) =>
      Object.fromEntries(
        Object.entries(tensors(rows, cols)).map(([name, [dtype, ...shape]]) => [name, [dtype, 3, ...shape]]),
      );

  test('stacked per projection by MLX: each takes its own bytes of every tensor', () => {
    const scheme = config({ format: 'MLX affine', bits: 4, groupSize: 64 });
    const { layers } = assign(stacks(stacked(affine(4))), scheme);
    const [first, second] = expertsOf(layers).map(({ gateUp }) => gateUp[1] as Matrix & { kind: 'affine' });
    expect(second).toMatchObject({ kind: 'affine', rows: 256, cols: 128, packed: { shape: [256, 16] } });
    expect(second!.packed.start).toBe(first!.packed.end);
    expect(second!.biases.start).toBe(first!.biases.end);
    const wrong = { ...stacks(stacked(affine(4))), [`${at}.up_proj.scales`]: ['BF16', 4, 256, 2] } as Shapes;
    expect(() => assign(wrong, scheme)).toThrow(/up_proj\.scales.*\[4, 256, 2\].*\[3, 256, 2\]/);
  });

  test('stacked without quantization', () => {
    const { layers, format } = assign(stacks(stacked((rows, cols) => ({ weight: ['F16', rows, cols] }))));
    expect(format).toBe('bf16, f16');
    expect(expertsOf(layers)[2]?.down).toMatchObject({ kind: 'float', rows: 128, cols: 256, transposed: false });
  });

  test('stacked by bitsandbytes: a run of bytes and of blocks, whose second maxima go on counting', () => {
    const shapes = stacks((rows, cols) => nestedNf4(3 * rows, cols));
    const { layers } = assign(shapes, config({ format: 'bitsandbytes NF4' }));
    const [first, second, third] = expertsOf(layers).map(({ down }) => down as Nf4Matrix);
    expect(second!.packed.start).toBe(first!.packed.end);
    expect(third!.absmax.start - first!.absmax.start).toBe(2 * 512);
    expect([first, second, third].map((matrix) => matrix!.nested!.first)).toEqual([0, 512, 1024]);
    expect(third!.nested!.absmax).toBe(first!.nested!.absmax);
  });

  test('fused by ModelOpt: [in, out], one global scale for all or for each', () => {
    const fused = (...global: number[]): Shapes => ({
      ...without(plain, 'experts.'),
      [`${at}.gate_up_proj`]: ['U8', 3, 64, 512],
      [`${at}.gate_up_proj_weight_scale`]: ['F8_E4M3', 3, 8, 512],
      [`${at}.gate_up_proj_weight_scale_2`]: ['F32', ...global],
      [`${at}.gate_up_proj_input_scale`]: ['F32'],
      [`${at}.down_proj`]: ['U8', 3, 128, 128],
      [`${at}.down_proj_weight_scale`]: ['F8_E4M3', 3, 16, 128],
      [`${at}.down_proj_weight_scale_2`]: ['F32', ...global],
    });
    for (const [shapes, step] of [
      [fused(), 0],
      [fused(1), 0],
      [fused(3), 4],
    ] as const) {
      const { layers, format, notices } = assign(shapes);
      expect({ format, notices }).toEqual({ format: 'ModelOpt NVFP4; rest bf16', notices: [] });
      const [first, second] = expertsOf(layers).map(({ gateUp }) => gateUp[0] as Matrix & { kind: 'nvfp4' });
      expect(second).toMatchObject({
        rows: 512,
        cols: 128,
        transposed: true,
        divides: false,
        packed: { shape: [64, 512] },
      });
      expect(second!.globalScale.start - first!.globalScale.start).toBe(step);
    }
    expect(() => assign({ ...fused(), [`${at}.gate_up_proj`]: ['U8', 3, 64, 511] })).toThrow(/511\].*\[3, 64, 512\]/);
  });

  test("AWQ's scaled activation divides the up projection, and only an int4 one", () => {
    const scales: Shapes = { [`${at}.1.activation_fn.scales`]: ['F16', 256] };
    const shapes = { ...stored(unfused(), 'experts.', qweightAwq), ...scales };
    const ups = expertsOf(assign(shapes, awqConfig).layers).map(({ gateUp }) => gateUp[1] as Int4Matrix);
    expect(ups.map(({ divisor }) => divisor?.shape)).toEqual([undefined, [256], undefined]);
    expect(() => assign({ ...unfused(), ...scales }, awqConfig)).toThrow(/scales the activation/);
  });
});
