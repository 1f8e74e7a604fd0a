import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EVERY_FORMAT } from '../../src/checkpoint/formats/every.ts';
import { type Checkpoint, openCheckpoint } from '../../src/checkpoint/open.ts';
import { parseQuantization } from '../../src/checkpoint/quantization.ts';
import { assignRoles } from '../../src/checkpoint/roles.ts';
import { layOutHeader, type TensorSpec } from '../../src/checkpoint/write-header.ts';
import { type ConvertOptions, convert, main } from '../../src/cli/convert.ts';
import { parseConfig } from '../../src/model/config.ts';
import { narrowFromF32, widenToF32 } from '../../src/quant/float.ts';
import { quantizeInt4 } from '../../src/quant/int4.ts';
import { openSource } from '../../src/storage/open.ts';

let root: string;
let input: string;
let outputs = 0;
const freshOutput = (): string => join(root, `out-${outputs++}`);

/** One layer of four fused experts, one dense layer. */
const config = {
  architectures: ['Llama4ForCausalLM'],
  model_type: 'llama4_text',
  hidden_size: 64,
  intermediate_size: 96,
  intermediate_size_mlp: 128,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 32,
  vocab_size: 40,
  num_local_experts: 4,
  moe_layers: [0],
};
const attention = (at: string): [string, number[]][] => [
  [`${at}.input_layernorm.weight`, [64]],
  [`${at}.post_attention_layernorm.weight`, [64]],
  [`${at}.self_attn.q_proj.weight`, [64, 64]],
  [`${at}.self_attn.k_proj.weight`, [32, 64]],
  [`${at}.self_attn.v_proj.weight`, [32, 64]],
  [`${at}.self_attn.o_proj.weight`, [64, 64]],
];
const feedForward = (at: string, width: number): [string, number[]][] => [
  [`${at}.gate_proj.weight`, [width, 64]],
  [`${at}.up_proj.weight`, [width, 64]],
  [`${at}.down_proj.weight`, [64, width]],
];
const shapes: [string, number[]][] = [
  ['model.embed_tokens.weight', [40, 64]],
  ['model.norm.weight', [64]],
  ['lm_head.weight', [40, 64]],
  ...attention('model.layers.0'),
  ['model.layers.0.feed_forward.router.weight', [4, 64]],
  ['model.layers.0.feed_forward.experts.gate_up_proj', [4, 64, 192]],
  ['model.layers.0.feed_forward.experts.down_proj', [4, 96, 64]],
  ...feedForward('model.layers.0.feed_forward.shared_expert', 96),
  ...attention('model.layers.1'),
  ...feedForward('model.layers.1.feed_forward', 128),
];

/** Writes a model folder with seeded weights. @param bad a tensor whose second weight becomes NaN */
async function writeModel(folder: string, { seed = 1, bad = '' } = {}): Promise<void> {
  const specs = shapes.map(([name, shape]): TensorSpec => ({ name, dtype: 'BF16', shape }));
  const { bytes, ranges, fileSize } = layOutHeader(specs, { format: 'pt' });
  const file = new Uint8Array(fileSize);
  file.set(bytes);
  let state = seed;
  for (const { name, shape } of specs) {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32 - 0.5;
    });
    if (name === bad) values[1] = Number.NaN;
    file.set(narrowFromF32(values, 'BF16'), ranges.get(name)!.start);
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.safetensors'), file);
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify(config, null, 2).replace('}', ',\n  "rope_theta": 1e4\n}'),
  );
  await writeFile(join(folder, 'tokenizer.json'), '{}');
  await writeFile(join(folder, 'LICENSE'), 'free');
  await writeFile(join(folder, 'training.log'), 'not part of a model');
}

async function openFolder(folder: string): Promise<Checkpoint> {
  return openCheckpoint(await openSource(folder));
}

/** Name -> dtype, shape and hash. */
async function tensorsOf(folder: string): Promise<Record<string, unknown>> {
  const { tensors, source } = await openFolder(folder);
  const found: Record<string, unknown> = {};
  for (const { name, dtype, shape, file, start, end } of tensors.values()) {
    const hash = createHash('sha256').update(await source.read(file, start, end));
    found[name] = { dtype, shape, sha256: hash.digest('hex') };
  }
  return found;
}

async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  const hash = async (name: string): Promise<string> =>
    createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await hash(name)])));
}

const small = (output: string, more: Partial<ConvertOptions> = {}): ConvertOptions => {
  return { input, output, groupSize: 32, maxShardBytes: 20_000, ...more };
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'outrider-convert-'));
  input = join(root, 'in');
  await writeModel(input);
});
afterAll(() => rm(root, { recursive: true }));

test('the output is a checkpoint in several files whose int4 matrices are those of the un-fused, transposed weights', async () => {
  const output = freshOutput();
  const { outcome } = await convert(small(output));
  expect(outcome).toBe('converted');
  const { tensors, configJson, source } = await openFolder(output);
  expect(new Set([...tensors.values()].map(({ file }) => file)).size).toBeGreaterThan(3);
  const roles = assignRoles(parseConfig(configJson).config, tensors, parseQuantization(configJson), EVERY_FORMAT);
  expect(roles.layers[0]?.qProj.kind).toBe('float');
  expect(roles.layers[1]?.feedForward).toMatchObject({ kind: 'dense', gateProj: { kind: 'int4', groupSize: 32 } });

  const original = await openFolder(input);
  const fused = original.tensors.get('model.layers.0.feed_forward.experts.gate_up_proj')!;
  const weights = widenToF32(await original.source.read(fused.file, fused.start, fused.end), 'BF16');
  const expert = 2;
  const up = new Float32Array(96 * 64); // up_proj: columns 96..191 of [64, 192], transposed
  for (let i = 0; i < up.length; i++) up[i] = weights[(expert * 64 + (i % 64)) * 192 + 96 + Math.floor(i / 64)]!;
  const expected = quantizeInt4(up, { rows: 96, cols: 64, groupSize: 32, symmetric: true, scaleDtype: 'BF16' });
  const at = `model.layers.0.feed_forward.experts.${expert}.up_proj.weight`;
  const packed = tensors.get(`${at}_packed`)!;
  const scales = tensors.get(`${at}_scale`)!;
  expect(await source.read(packed.file, packed.start, packed.end)).toEqual(new Uint8Array(expected.packed.buffer));
  expect(widenToF32(await source.read(scales.file, scales.start, scales.end), 'BF16')).toEqual(expected.scales);
});

test('companions come along, other files do not, and the config keeps its own spelling', async () => {
  const output = freshOutput();
  await convert({ input, output, groupSize: 32 });
  expect((await readdir(output)).sort()).toEqual(['LICENSE', 'config.json', 'model.safetensors', 'tokenizer.json']);
  expect(await readFile(join(output, 'config.json'), 'utf8')).toContain('"rope_theta": 1e4');
});

test('a run that is stopped anywhere, even in the middle of a journal line, goes on to the same files', async () => {
  const whole = freshOutput();
  let units = 0;
  await convert(small(whole, { onProgress: () => units++ }));
  const expected = await filesOf(whole);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: units }), fc.boolean(), async (stopAfter, isTorn) => {
      const output = freshOutput();
      const controller = new AbortController();
      let done = 0;
      const onProgress = (): void => {
        if (++done === stopAfter) controller.abort();
      };
      const stopped = convert(small(output, { onProgress, signal: controller.signal }));
      if (stopAfter < units) {
        await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
        expect(existsSync(join(output, 'config.json'))).toBe(false);
        if (isTorn) await appendFile(join(output, 'conversion.journal'), 'model.layers.1.feed_f');
      } else await stopped;
      await convert(small(output));
      expect(await filesOf(output)).toEqual(expected);
    }),
    { numRuns: 6 },
  );
});

test('a weight file that vanished between two runs is written anew', async () => {
  const output = freshOutput();
  const controller = new AbortController();
  const stopped = convert(small(output, { signal: controller.signal, onProgress: () => controller.abort() }));
  await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
  const partial = (await readdir(output)).find((name) => name.endsWith('.partial'))!;
  await rm(join(output, partial));
  await convert(small(output));
  const again = freshOutput();
  await convert(small(again));
  expect(await filesOf(output)).toEqual(await filesOf(again));
});

test('a finished run is recognised and left alone, also when its card was edited', async () => {
  const output = freshOutput();
  await convert(small(output));
  await writeFile(join(output, 'README.md'), 'mine');
  const before = (await stat(join(output, 'config.json'))).mtimeMs;
  expect((await convert(small(output))).outcome).toBe('complete');
  expect((await stat(join(output, 'config.json'))).mtimeMs).toBe(before);
  expect(await readFile(join(output, 'README.md'), 'utf8')).toBe('mine');
});

describe('a folder that holds something else is not touched:', () => {
  const refuse = async (options: ConvertOptions): Promise<void> => {
    const before = await filesOf(options.output);
    await expect(convert(options)).rejects.toMatchObject({ code: 'output_exists' });
    expect(await filesOf(options.output)).toEqual(before);
  };

  test('any file, or the input itself', async () => {
    const output = freshOutput();
    await mkdir(output);
    await writeFile(join(output, 'notes.txt'), 'mine');
    await refuse(small(output));
    await refuse(small(input));
  });

  test('another recipe, another model of the same shapes, and half of either', async () => {
    const other = join(root, 'other');
    await writeModel(other, { seed: 2 });
    const output = freshOutput();
    await convert(small(output));
    await refuse(small(output, { ignore: ['re:.*router'] }));
    await refuse(small(output, { input: other }));
    const half = freshOutput();
    const controller = new AbortController();
    const stopped = convert(small(half, { signal: controller.signal, onProgress: () => controller.abort() }));
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    await refuse(small(half, { input: other }));
  });

  test('a path that is a file', async () => {
    const path = join(root, 'file');
    await writeFile(path, 'x');
    await expect(convert(small(path))).rejects.toMatchObject({ code: 'output_exists' });
  });
});

describe('ignore patterns', () => {
  const quantized = async (ignore?: string[]): Promise<{ modules: string[]; declared: string[] }> => {
    const output = freshOutput();
    await convert({ input, output, groupSize: 32, ignore });
    const { tensors, configJson } = await openFolder(output);
    const names = [...tensors.keys()].filter((name) => name.endsWith('.weight_packed'));
    const { quantization_config } = configJson as { quantization_config: { ignore: string[] } };
    return {
      modules: names.map((name) => name.slice(0, -'.weight_packed'.length)),
      declared: quantization_config.ignore,
    };
  };

  test('a regular expression matches from the start of the name', async () => {
    const { modules, declared } = await quantized(['re:model', 're:head']);
    expect(modules).toEqual(['lm_head']);
    expect(declared).toEqual(['re:model', 're:head']);
  });

  test('a part of a name keeps what it hits, and is declared name by name', async () => {
    const { modules, declared } = await quantized(['lm_head', 'k_proj']);
    expect(modules).not.toContain('lm_head');
    expect(modules).toContain('model.layers.0.self_attn.q_proj');
    const keys = [0, 1].map((layer) => `model.layers.${layer}.self_attn.k_proj`);
    expect(declared).toEqual(['lm_head', ...keys]);
  });

  test('none at all quantizes every Linear layer, but never the embedding', async () => {
    const { modules } = await quantized([]);
    expect(modules).toContain('lm_head');
    expect(modules).toContain('model.layers.0.feed_forward.router');
    expect(modules).not.toContain('model.embed_tokens');
  });
});

describe('refused before anything is written:', () => {
  test.each([
    ['a group size that no kernel has', { groupSize: 48 }, 'invalid_request', '48'],
    ['a pattern that does not compile', { ignore: ['re:('] }, 'invalid_request', 're:('],
    ['rows that are no whole groups', { groupSize: 64 }, 'quantization_unsupported', 'rows of 96'],
  ])('%s', async (_name, options, code, message) => {
    const output = freshOutput();
    const converting = convert(small(output, options));
    await expect(converting).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(existsSync(output)).toBe(false);
  });

  test('a checkpoint that is int4 already', async () => {
    const once = freshOutput();
    await convert(small(once));
    const twice = convert(small(freshOutput(), { input: once }));
    await expect(twice).rejects.toMatchObject({ code: 'quantization_unsupported' });
  });
});

test('a NaN among the weights stops the conversion and is named', async () => {
  for (const bad of ['model.layers.0.feed_forward.experts.down_proj', 'model.layers.1.feed_forward.up_proj.weight']) {
    const broken = join(root, `broken-${outputs++}`);
    await writeModel(broken, { bad });
    const converting = convert(small(freshOutput(), { input: broken }));
    await expect(converting).rejects.toMatchObject({ code: 'checkpoint_invalid', details: { tensor: bad, index: 1 } });
  }
});

test('the command reads its arguments in any order, reports progress on stderr and the result on stdout', async () => {
  const errors = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  const notices = vi.spyOn(console, 'error').mockImplementation(() => {});
  const results = vi.spyOn(console, 'log').mockImplementation(() => {});
  try {
    const output = freshOutput();
    expect(await main([input, output, '--ignore', 're:.*lm_head', 're:nothing', '--group-size', '32'])).toBe(0);
    expect(errors.mock.calls.join('')).toContain('100.0 %');
    expect(notices.mock.calls.flat()).toEqual([expect.stringContaining('"re:nothing"')]);
    expect(await main(['--group-size', '32', input, output, '--ignore', 're:.*lm_head', 're:nothing'])).toBe(0);
    expect(results.mock.calls.flat()).toEqual([
      expect.stringMatching(/MB of weights$/),
      expect.stringContaining('complete already'),
    ]);
    for (const wrong of [[], [input], [input, output, 'third'], [input, output, '--groups', '32']]) {
      expect(await main(wrong)).toBe(1);
    }
  } finally {
    vi.restoreAllMocks();
  }
});

const GOLDENS = fileURLToPath(new URL('../../../shared/goldens', import.meta.url));

describe.skipIf(!existsSync(GOLDENS))('goldens (../shared/goldens)', () => {
  test('scout-random with the recipe of its int4 twin gives the twin bit for bit', async () => {
    const output = freshOutput();
    await convert({ input: join(GOLDENS, 'scout-random'), output });
    const twin = join(GOLDENS, 'scout-random-w4a16');
    expect(await tensorsOf(output)).toEqual(await tensorsOf(twin));
    const [ours, theirs] = await Promise.all([openFolder(output), openFolder(twin)]);
    expect(ours.configJson).toEqual(theirs.configJson);
  });

  test('the asymmetric rounding equals the library’s too', async () => {
    const [plain, twin] = await Promise.all([
      openFolder(join(GOLDENS, 'scout-random')),
      openFolder(join(GOLDENS, 'scout-random-w4a16-asym-g64')),
    ]);
    const bytes = async ({ tensors, source }: Checkpoint, name: string): Promise<Uint8Array> => {
      const { file, start, end } = tensors.get(name)!;
      return source.read(file, start, end);
    };
    const modules = [...plain.tensors.values()].filter(({ name }) => twin.tensors.has(`${name}_zero_point`));
    expect(modules.length).toBeGreaterThan(20);
    for (const { name, shape } of modules) {
      const options = {
        rows: shape[0]!,
        cols: shape[1]!,
        groupSize: 64,
        symmetric: false,
        scaleDtype: 'BF16',
      } as const;
      const { packed, scales, zeroPoints } = quantizeInt4(widenToF32(await bytes(plain, name), 'BF16'), options);
      const isEqual = async (ours: Uint8Array, suffix: string): Promise<boolean> =>
        Buffer.compare(ours, await bytes(twin, name + suffix)) === 0;
      expect(await isEqual(new Uint8Array(packed.buffer), '_packed'), name).toBe(true);
      expect(await isEqual(narrowFromF32(scales, 'BF16'), '_scale'), name).toBe(true);
      expect(await isEqual(new Uint8Array(zeroPoints!.buffer), '_zero_point'), name).toBe(true);
    }
  });

  test.each([
    ['maverick-random', 'model.layers.1.feed_forward.experts.127.down_proj'],
    ['vision-random', 'language_model.model.layers.0.feed_forward.experts.3.down_proj'],
  ])('%s converts to a checkpoint with all its roles', async (name, module) => {
    const output = freshOutput();
    await convert({ input: join(GOLDENS, name), output, groupSize: 64 });
    const { tensors, configJson } = await openFolder(output);
    assignRoles(parseConfig(configJson).config, tensors, parseQuantization(configJson), EVERY_FORMAT);
    expect(tensors.has(`${module}.weight_packed`)).toBe(true);
    expect([...tensors.keys()].filter((key) => key.includes('vision') && key.includes('_packed'))).toEqual([]);
  });
});
