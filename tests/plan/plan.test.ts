import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelTensors } from '../../src/checkpoint/model-tensors.ts';
import { EXTRAS_BYTES } from '../../src/kernels/extras.ts';
import { STATE_BYTES } from '../../src/kernels/state.ts';
import { parseConfig } from '../../src/model/config.ts';
import { activationBytes } from '../../src/model/memory/activations.ts';
import { type CheckpointFiles, type ModelPlan, type PlanOptions, planOf } from '../../src/model/plan.ts';
import { affine, bf16, int4, llama4, type MatrixMaker } from './shapes.ts';

const SCOUT = { experts: 16, moeLayers: 48 };
const MAVERICK = { experts: 128, moeLayers: 24 };
const METAL = { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 32 - 4 };

const { config } = parseConfig({ architectures: ['Llama4ForCausalLM'], max_position_embeddings: 10485760 });
const maverick = parseConfig({
  architectures: ['Llama4ForCausalLM'],
  num_local_experts: 128,
  interleave_moe_layer_step: 2,
  max_position_embeddings: 1048576,
}).config;

const checkpoint: CheckpointFiles = {
  source: 'shapes alone',
  format: 'as the test says',
  notices: [],
  tensors: 0,
  files: new Map([
    ['model.safetensors', 1e9],
    ['vision.safetensors', 5e8],
    ['config.json', 1000],
  ]),
};

const scoutBf16 = llama4(SCOUT, bf16, bf16);
const scoutInt4 = llama4(SCOUT, int4(128), int4(128));
const scoutRecipe = llama4(SCOUT, int4(128), bf16);

function plan(tensors: ModelTensors, options: PlanOptions = {}): ModelPlan {
  return planOf(config, tensors, checkpoint, { adapterLimits: METAL, ...options });
}

/** In billions, with as many decimals as the reference's figure has. */
const likeFigure = (value: number, figure: string): string => (value / 1e9).toFixed(figure.split('.')[1]?.length ?? 0);

describe('weights of a true-size model', () => {
  const rows: [
    name: string,
    linear: MatrixMaker,
    linears: string,
    bf16Vocabulary: string,
    same: string,
    maverick: string,
  ][] = [
    ['int4, groups of 32', int4(32), '59.45', '63.60', '60.63', '224.2'],
    ['int4, groups of 64', int4(64), '56.15', '60.30', '57.26', '211.8'],
    ['int4, groups of 128', int4(128), '54.50', '58.65', '55.58', '205.5'],
    ['affine, groups of 64', affine(64), '59.45', '63.60', '60.63', '224.2'],
    ['affine, groups of 128', affine(128), '56.15', '60.30', '57.26', '211.8'],
    ['bf16', bf16, '211.4', '215.5', '215.5', '797'],
  ];
  const linearsOf = ({ gpu: { classes } }: ModelPlan) =>
    classes.attention + classes['routed experts'] + classes['shared experts'] + classes['dense layers'];

  it.each(rows)('%s: every figure of the reference table', (_, linear, linears, withBf16, withSame, ofMaverick) => {
    const bf16Vocabulary = plan(llama4(SCOUT, linear, bf16));
    expect(likeFigure(linearsOf(bf16Vocabulary), linears)).toBe(linears);
    expect(likeFigure(bf16Vocabulary.gpu.weights, withBf16)).toBe(withBf16);
    expect(likeFigure(plan(llama4(SCOUT, linear, linear)).gpu.weights, withSame)).toBe(withSame);
    const large = planOf(maverick, llama4(MAVERICK, linear, bf16), checkpoint, { adapterLimits: METAL });
    expect(likeFigure(linearsOf(large), ofMaverick)).toBe(ofMaverick);
  });

  it('are the same bytes whatever the limits cut them into, and never in a buffer that is larger', () => {
    const whole = plan(scoutRecipe);
    const cut = planOf(config, scoutRecipe, checkpoint, {});
    expect(cut.gpu.weights).toBe(whole.gpu.weights);
    expect(cut.limits).toMatchObject({ maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27, assumed: true });
    expect(cut.largest.binding.bytes).toBeLessThanOrEqual(2 ** 27);
    expect(whole.largest.buffer.bytes).toBeGreaterThan(2 ** 27);
  });

  it('paged: a slot is one expert, and a token whose experts are all elsewhere reads one for each layer', () => {
    const { paged, gpu } = plan(scoutInt4);
    // 3 x 5120 x 8192 nibbles, and a scale of two bytes for 128
    const slot = (125829120 * 4.125) / 8;
    expect(paged).toEqual({
      resident: gpu.total - 48 * 16 * slot,
      slot,
      leastSlots: 48,
      least: gpu.total - 48 * 15 * slot,
      readPerToken: 48 * slot,
    });
  });
});

describe('keys and values', () => {
  it('take what the reference says for every context, in f16', () => {
    const { kv } = plan(scoutInt4, { kvDtype: 'f16' });
    expect(kv.globalBytesPerToken).toBe(49152);
    expect(likeFigure(kv.chunkedBytes, '1.208')).toBe('1.208');
    const figures = { 2048: '0.403', 8192: '1.611', 32768: '2.82', 131072: '7.65', 1048576: '52.7', 10485760: '517' };
    const planned = Object.entries(figures).map(([contextLength, figure]) => {
      const { bytes } = kv.at.find((at) => at.contextLength === Number(contextLength))!;
      expect(plan(scoutInt4, { kvDtype: 'f16', contextLength: Number(contextLength) }).gpu.kv).toBe(bytes);
      return [contextLength, likeFigure(bytes, figure)];
    });
    expect(Object.fromEntries(planned)).toEqual(figures);
  });

  it('take twice as much in f32', () => {
    const [half, full] = (['f16', 'f32'] as const).map((kvDtype) => plan(scoutInt4, { kvDtype, contextLength: 40000 }));
    expect(full!.gpu.kv).toBe(2 * half!.gpu.kv);
  });

  it('a longer context never needs less, of anything', () => {
    const length = fc.integer({ min: 1, max: 2_000_000 });
    fc.assert(
      fc.property(length, length, fc.constantFrom('f32', 'f16'), (a, b, kvDtype) => {
        const [short, long] = [a, b]
          .sort((x, y) => x - y)
          .map((contextLength) => plan(tiny, { contextLength, kvDtype }).gpu);
        expect(long!.kv).toBeGreaterThanOrEqual(short!.kv);
        expect(long!.activations).toBeGreaterThanOrEqual(short!.activations);
      }),
    );
  });
});

/** Weights do not matter here, and so many layers take time. */
const tiny: ModelTensors = { ...scoutBf16, layers: scoutBf16.layers.slice(0, 1) };

describe('the verdict', () => {
  it('without a budget is that nobody knows, and names what would be needed', () => {
    const { verdict, reason, nextSteps, contextLengthThatFits } = plan(scoutInt4);
    expect({ verdict, contextLengthThatFits }).toEqual({ verdict: 'unproven', contextLengthThatFits: undefined });
    expect(reason).toMatch(/58\.88 GB .* no budget is set/);
    expect(nextSteps[0]).toMatch(/at least 58\.88 GB/);
  });

  it('with a budget says both numbers and what is left', () => {
    expect(plan(scoutInt4, { budget: 64e9 })).toMatchObject({
      verdict: 'fits',
      reason: '58.88 GB of GPU memory are needed; the budget is 64.00 GB: 5.12 GB stay free.',
      nextSteps: [],
    });
  });

  it('where the context is too long, names the longest that fits, and it does', () => {
    const asked = plan(scoutInt4, { budget: 64e9, contextLength: 131072 });
    expect(asked.verdict).toBe('too-large');
    expect(asked.reason).toMatch(/70\.\d+ GB .* the budget is 64\.00 GB: 6\.\d+ GB are missing/);
    const fits = asked.contextLengthThatFits!;
    expect(asked.nextSteps[0]).toContain(`${fits.toLocaleString('en-US')} tokens fit, 131,072 do not`);
    expect(asked.nextSteps[1]).toMatch(/f16.* saves 7\.65 GB; then it fits/);
    expect(plan(scoutInt4, { budget: 64e9, contextLength: fits }).verdict).toBe('fits');
  });

  it('where weights alone are too large, says which lossy choices are enough, alone or together', () => {
    const { verdict, nextSteps, contextLengthThatFits } = plan(scoutBf16, { budget: 64e9 });
    expect({ verdict, contextLengthThatFits }).toEqual({ verdict: 'too-large', contextLengthThatFits: 0 });
    expect(nextSteps.join('\n')).toMatch(
      /quantizeOnLoad: 'int4' \(lossy.* saves 152\.\d+ GB; then 2\.\d+ GB are still missing/,
    );
    expect(nextSteps.join('\n')).toMatch(/All of these together save 158\.\d+ GB; then it fits/);
    expect(nextSteps.at(-1)).toMatch(/remote/);
    const all = { quantizeOnLoad: 'int4', recipe: 'int8-backbone', kvDtype: 'f16', budget: 64e9 } as const;
    expect(plan(scoutBf16, all).verdict).toBe('fits');
  });

  it('a lossy choice is named with what it saves: the difference to the plan without it', () => {
    const [exact, lossy] = [plan(scoutRecipe), plan(scoutRecipe, { recipe: 'int8-backbone', quantizeOnLoad: 'int4' })];
    expect(exact.lossy).toBeUndefined();
    expect(lossy.lossy?.what).toMatch(/int8-backbone/);
    expect(lossy.lossy?.saves).toBe(exact.gpu.weights - lossy.gpu.weights);
    expect(plan(scoutInt4, { recipe: 'int8-backbone' }).lossy).toBeUndefined();
  });

  it('is that it is too large where the limits cannot hold one buffer, and figures are there all the same', () => {
    const small = { maxBufferSize: 2 ** 26, maxStorageBufferBindingSize: 2 ** 26 - 4 };
    const chunks = plan(scoutInt4, { adapterLimits: small });
    expect(chunks.verdict).toBe('too-large');
    expect(chunks.reason).toMatch(/67108864 bytes; this adapter allows 67108860/);
    expect(chunks.gpu.kv).toBe(plan(scoutInt4).gpu.kv);
    expect(chunks.nextSteps.join('\n')).toMatch(/shorter context: the adapter's limits allow 7,680 tokens/);
    const rows = plan(scoutInt4, { adapterLimits: { maxBufferSize: 4096, maxStorageBufferBindingSize: 4096 } });
    expect(rows.reason).toMatch(/needs a buffer of \d+ bytes; this adapter allows 4096/);
    expect(rows.gpu.weights).toBe(plan(scoutInt4).gpu.weights);
  });

  it('the default context is the least of 8192, what the model knows, and what the budget holds', () => {
    const weights = plan(scoutInt4).gpu.weights;
    expect(plan(scoutInt4, { budget: 70e9 }).kv.contextLength).toBe(8192);
    const tight = plan(scoutInt4, { budget: weights + 1e9 });
    expect(tight).toMatchObject({ verdict: 'fits', kv: { contextLength: tight.contextLengthThatFits } });
    expect(tight.kv.contextLength).toBeLessThan(8192);
    const short = parseConfig({ architectures: ['Llama4ForCausalLM'], max_position_embeddings: 100 }).config;
    expect(planOf(short, scoutInt4, checkpoint).kv.contextLength).toBe(100);
  });

  it('the context that fits is the longest in steps of 512', () => {
    const weights = plan(tiny).gpu.weights;
    fc.assert(
      fc.property(fc.integer({ min: 1e8, max: 2e11 }), (room) => {
        const budget = weights + room;
        const fits = plan(tiny, { budget }).contextLengthThatFits!;
        expect(fits % 512).toBe(0);
        if (fits > 0) expect(plan(tiny, { budget, contextLength: fits }).gpu.total).toBeLessThanOrEqual(budget);
        expect(plan(tiny, { budget, contextLength: fits + 512 }).gpu.total).toBeGreaterThan(budget);
      }),
      { numRuns: 30 },
    );
  });

  it('a wrong context or budget is an error that says what may be asked', () => {
    expect(() => plan(scoutInt4, { contextLength: 20_000_000 })).toThrow(/from 1 to the model's 10485760/);
    expect(() => plan(scoutInt4, { budget: 0 })).toThrow(/above 0/);
  });
});

describe('files', () => {
  it('that hold no text weights are neither downloaded nor stored; what is stored already is not downloaded again', () => {
    expect(plan(scoutInt4)).toMatchObject({ disk: 1e9 + 1000, download: 1e9 + 1000 });
    const half = planOf(config, scoutInt4, { ...checkpoint, stored: 4e8 }, {});
    expect(half).toMatchObject({ disk: 1e9 + 1000, download: 6e8 + 1000 });
  });

  it('everything of a plan can be sent to another thread', () => {
    const whole = plan(scoutBf16, { budget: 64e9, quantizeOnLoad: 'int4' });
    expect(structuredClone(whole)).toEqual(whole);
  });
});

it('the uniforms that the plan counts are as large as those in the shaders', () => {
  const request = { contextLength: 512, maxRows: 16, forcible: false };
  expect(activationBytes(config, request)).toMatchObject({ state: STATE_BYTES, extras: EXTRAS_BYTES });
});
