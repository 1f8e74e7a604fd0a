/**
 * Answers that go on at a server that others wrote: `transformers serve`, in float32, with the checkpoint that is loaded here.
 *
 *   python3 -m venv .venv && .venv/bin/pip install torch 'transformers[serving]'
 *   OUTRIDER_TEST_REMOTE=1 OUTRIDER_PYTHON=.venv/bin/python npx vitest run tests/remote/transformers.gpu.test.ts
 *
 * Nothing is installed by the test. `npm test` leaves it out and asks a small server of our own, in tests/api/remote.test.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { type ChatCompletionChunk, createEngine, type Engine } from '../../src/index.ts';

const folder = fileURLToPath(new URL('../../../shared/models/llama-scoutling', import.meta.url));
const isAsked = process.env.OUTRIDER_TEST_REMOTE === '1';
const python = process.env.OUTRIDER_PYTHON ?? 'python3';
const SERVE = 'from transformers.cli.transformers import main; main()';

interface Case {
  readonly prompt: string;
  readonly tools: unknown;
  /** With the end token. */
  readonly greedy_ids: readonly number[];
}

let server: ChildProcess;
let baseURL: string;
let log = '';

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function startTransformers(): Promise<void> {
  const port = await freePort();
  const where = ['--host', '127.0.0.1', '--port', String(port), '--device', 'cpu', '--dtype', 'float32'];
  const env = { ...process.env, HF_HUB_OFFLINE: '1' };
  server = spawn(python, ['-c', SERVE, 'serve', folder, ...where], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const output of [server.stdout!, server.stderr!]) output.on('data', (text) => (log += text));
  let isOver = false;
  server.on('error', (error) => (log += error)).on('close', () => (isOver = true));
  const origin = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${origin}/health`).catch(() => undefined))?.ok) {
    if (isOver) throw new Error(`${python} has no transformers[serving] and torch (set OUTRIDER_PYTHON):\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  baseURL = `${origin}/v1`;
}

/** An engine over the float checkpoint, and the end of its device. */
async function openEngine(): Promise<{ engine: Engine; lose: () => void }> {
  const { gpu } = await openNodeGpu();
  const devices: GPUDevice[] = [];
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter(options);
    const requestDevice = adapter!.requestDevice.bind(adapter);
    adapter!.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      devices.push(device);
      return device;
    };
    return adapter;
  };
  const fallback = { baseURL, model: folder };
  const engine = await createEngine(folder, { worker: false, contextLength: 512, gpu, fallback });
  return { engine, lose: () => devices.at(-1)!.destroy() };
}

/** `<|begin_of_text|>` of this checkpoint: what ends an answer comes after it. */
const FIRST_SPECIAL = 4064;
const withoutEnd = (ids: readonly number[]) => ids.filter((id) => id < FIRST_SPECIAL);
const textOf = (chunks: readonly ChatCompletionChunk[]) =>
  chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');

describe.skipIf(!isAsked || !existsSync(folder))(
  '`transformers serve` as the fallback (needs OUTRIDER_TEST_REMOTE=1 and ../shared/models)',
  () => {
    let cases: readonly Case[];
    beforeAll(async () => {
      cases = (JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')).cases as Case[]).filter(
        ({ tools }) => !tools,
      );
      await startTransformers();
    });
    afterAll(() => server?.kill());

    it('gives the tokens that one place alone would have given, wherever the device is lost', async () => {
      const counts: number[] = [];
      for (const [nth, after] of [2, 5, 9].entries()) {
        const { prompt, greedy_ids: ids } = cases.filter((each) => each.greedy_ids.length > 30)[nth]!;
        const { engine, lose } = await openEngine();
        const request = {
          messages: [{ role: 'user', content: prompt }],
          temperature: 0,
          max_tokens: ids.length,
        } as const;
        const chunks: ChatCompletionChunk[] = [];
        for await (const chunk of await engine.chat.completions.create({ ...request, stream: true })) {
          chunks.push(chunk);
          if (chunks.length === after) lose();
        }
        const continued = chunks.filter(({ remote }) => remote);
        expect(
          continued.every(({ remote }) => remote!.answer === 'continued'),
          log,
        ).toBe(true);
        counts.push(continued.length);
        expect(withoutEnd(await engine.tokenize(textOf(chunks)))).toEqual(withoutEnd(ids));
        await engine.unload();
      }
      expect(Math.min(...counts)).toBeGreaterThan(1);
    });

    it('answers whole conversations with the same tokens once the device is gone', async () => {
      const { engine, lose } = await openEngine();
      lose();
      for (const { prompt, greedy_ids: ids } of cases) {
        const request = {
          messages: [{ role: 'user', content: prompt }],
          temperature: 0,
          max_tokens: ids.length,
        } as const;
        const { choices, remote } = await engine.chat.completions.create(request);
        expect(remote).toMatchObject({ answer: 'whole', reason: 'device_lost' });
        expect(withoutEnd(await engine.tokenize(choices[0].message.content!)), prompt).toEqual(withoutEnd(ids));
      }
      await engine.unload();
    });
  },
);
