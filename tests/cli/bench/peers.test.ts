import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPeersFolder } from '../../../src/cli/bench/peers/folder.ts';
import { FIRST_WORD, wordIds, wordPrompt } from '../../../src/cli/bench/peers/prompts.ts';
import { formatModel, partings, ratioOf } from '../../../src/cli/bench/peers/report.ts';
import { tokenizerFiles } from '../../../src/cli/bench/peers/tokenizer.ts';
import { MEASURES, type ModelResult, type Subject, type SubjectResult } from '../../../src/cli/bench/peers/types.ts';
import { createTokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { templateOf } from '../../chat/cases.ts';

describe("the peers' vocabulary", () => {
  const files = tokenizerFiles(2000);
  const config = JSON.parse(files.get('tokenizer_config.json')!) as unknown;
  const tokenizer = createTokenizer(JSON.parse(files.get('tokenizer.json')!), config);
  const template = templateOf(files.get('chat_template.jinja')!, tokenizer);

  it('makes one token of every word, through the chat template and back', () => {
    const sizes = fc.record({ tokens: fc.integer({ min: 1, max: 300 }), salt: fc.nat(1000) });
    fc.assert(
      fc.property(sizes, ({ tokens, salt }) => {
        const content = wordPrompt(tokens, 2000, salt);
        const prompt = template.render({ messages: [{ role: 'user', content }], addGenerationPrompt: true });
        const ids = tokenizer.encodeRendered(prompt);
        expect(ids).toHaveLength(tokens);
        expect(ids).toEqual(wordIds(content));
        expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(content);
      }),
      { numRuns: 30 },
    );
  });

  it('covers every id that a model can answer with', () => {
    for (const id of [FIRST_WORD, 1283, 1999]) {
      expect(wordIds(tokenizer.decode([id], { skipSpecial: true }))).toEqual([id]);
    }
  });

  it('gives prompts of which none begins as another, so that nothing is cached', () => {
    const prompts = [8, 16, 64, 256].flatMap((tokens) => [0, 1, 2, 3].map((salt) => wordPrompt(tokens, 2000, salt)));
    expect(new Set(prompts.map((prompt) => prompt.slice(0, 12))).size).toBe(prompts.length);
  });
});

describe('the checkout of the peers', () => {
  let folder: string;
  const make = async (file: string, text = '{}') => {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-peers-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is refused with the command that makes what is missing, one after the other', async () => {
    const open = () => openPeersFolder(folder, 'lavapipe', ['s']);
    await expect(open()).rejects.toThrow(/has no package\.json.*npm ci && npm run models && npm run shim/);
    await make('package.json');
    await expect(open()).rejects.toThrow(/has no node_modules\/@wllama\/wllama\/package\.json. Run "npm ci"/);
    await make('node_modules/@wllama/wllama/package.json', '{"version":"1.2.3"}');
    await make('node_modules/onnxruntime-web/package.json', '{"version":"4.5.6"}');
    await expect(open()).rejects.toThrow(/has no models\/s\.gguf. Run "npm run models"/);
    await make('models/s.gguf');
    await make('models/s/model.safetensors');
    await make('models/s/config.json', '{"vocab_size":777}');
    await expect(open()).rejects.toMatchObject({ code: 'invalid_request', details: { file: 'chromium-lvp/chromium' } });
    await make('chromium-lvp/chromium');
    const opened = await open();
    expect(opened.models).toEqual(new Map([['s', 777]]));
    expect(opened.versions).toEqual({ '@wllama/wllama': '1.2.3', 'onnxruntime-web': '4.5.6' });
  });
});

describe('the report', () => {
  const subject = (name: Subject, rates: number[], answers: number[][], onGpu = true): SubjectResult => ({
    subject: name,
    loadMs: 1000,
    weights: '10 MiB',
    onGpu,
    rates: rates.map((median, index) => ({ measure: MEASURES[index]!, median, best: median, own: median, runsMs: [] })),
    answers,
    crashes: 0,
  });
  const result = (onGpu: boolean): ModelResult => ({
    model: 's',
    busy: 0.1,
    subjects: [
      subject('outrider', [400, 300, 60], [[5, 6, 7], [8]]),
      subject('wllama-webgpu', [100, 50, 10], [[5, 6, 9], [8]], onGpu),
      subject('wllama-wasm', [400, 600, 30], [[5, 6, 7], [8]], false),
    ],
  });

  it('divides medians, and says where greedy answers part', () => {
    const text = formatModel(result(true));
    expect(text).toMatch(/x wllama-webgpu +4\.00 x +6\.00 x +6\.00 x/);
    expect(text).toMatch(/x wllama-wasm +1\.00 x +0\.50 x +2\.00 x/);
    expect(text).toContain("equal to wllama-webgpu's: 1 of 2; they part in answer 0 from token 2 on (7 here, 9 there)");
    expect(text).toContain("equal to wllama-wasm's: 2 of 2");
    const [ours, webgpu] = result(true).subjects;
    expect(partings(ours!, webgpu!)).toEqual([2, undefined]);
  });

  it('compares nothing with a peer that fell back to the CPU', () => {
    expect(ratioOf(result(false), 'wllama-webgpu', MEASURES[0]!)).toBeUndefined();
    expect(formatModel(result(false))).toMatch(/x wllama-webgpu +on the CPU/);
  });
});
