/** The bench in a page of headless Chromium, on the machine's GPU or on Chromium's software adapter. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BenchResults } from '../../bench/results.ts';
import { type ErrorCode, OutriderError } from '../../errors.ts';
import { Chromium } from '../bench-load/cdp.ts';
import { findCheckout } from '../bench-load/checkout.ts';
import type { PageAnswer } from './page/page.ts';
import type { RunSettings, Say } from './settings.ts';

const CHROMIUMS = [
  process.env.OUTRIDER_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** @param adapter `default`: the machine's GPU where Chromium supports it, else its software adapter; or `swiftshader` */
export async function benchInChromium(settings: RunSettings, adapter: string, say: Say): Promise<BenchResults> {
  const executable = findChromium();
  const server = await serveBench(settings.model);
  const profile = await mkdtemp(join(tmpdir(), 'outrider-bench-'));
  const chromium = await Chromium.launch(executable, [
    '--headless=new',
    '--no-sandbox', // it refuses to start as root with one
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--enable-unsafe-webgpu',
    '--enable-unsafe-swiftshader',
    `--use-webgpu-adapter=${adapter}`,
    `--user-data-dir=${profile}`,
  ]);
  try {
    const page = await chromium.open(server.url, "'askBench' in window");
    await chromium.evaluate(page, `startBench(${JSON.stringify({ ...settings, model: server.model })})`);
    for (;;) {
      const answer = await chromium.evaluate<PageAnswer>(page, 'askBench()');
      if (answer.kind === 'done') return answer.results;
      if (answer.kind === 'failed') throw failure(answer.message, answer.code);
      const { phase, text, done } = answer.progress;
      say(`${Math.round(done * 100)} %  ${phase}: ${text}`);
    }
  } finally {
    await chromium.close();
    await server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function failure(message: string, code: string | undefined): Error {
  return code === undefined ? new Error(message) : new OutriderError(code as ErrorCode, message);
}

function findChromium(): string {
  const found = CHROMIUMS.find((path) => path && existsSync(path));
  if (found) return found;
  const message = 'There is no Chromium in /usr/bin. Install one, name one in OUTRIDER_CHROMIUM, or use --where node.';
  throw new OutriderError('invalid_request', message);
}

interface Served {
  readonly url: string;
  /** Where the page finds the model. */
  readonly model: string | undefined;
  close(): Promise<void>;
}

/** The page from this checkout's sources, isolated so that its clock is fine; beside it, a model that is a folder here. */
async function serveBench(model: string | undefined): Promise<Served> {
  const { createServer } = await import('vite');
  const root = findCheckout();
  const folder = model !== undefined && existsSync(model) ? resolve(model) : undefined;
  const server = await createServer({
    root,
    configFile: join(root, 'vite.config.ts'),
    cacheDir: 'node_modules/.vite-bench', // a dev server that runs beside this one keeps its own
    logLevel: 'error',
    optimizeDeps: { include: ['hash-wasm'] }, // found in the middle of a run, it would make Vite start over
    server: {
      port: 0,
      hmr: false,
      watch: null,
      fs: { allow: folder ? [root, folder] : [root] },
      headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
    },
  });
  await server.listen();
  const origin = server.resolvedUrls!.local[0]!;
  return {
    url: new URL('src/cli/bench/page/index.html', origin).href,
    model: folder ? new URL(`/@fs${folder}/`, origin).href : model,
    close: () => server.close(),
  };
}
