/** The packed tarball in a fresh Vite project without any configuration: in development, and built and served. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build, createServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installConsumer, packPackage } from '../setup/package.ts';
import { type ModelServer, serveModel } from './model-server.ts';
import { launchChromium, openContext } from './serve.ts';

/** What tests/consumer/main.ts offers; its types are those of the package, which is not there yet when these are checked. */
declare const app: {
  answerIn(
    where: 'default' | 'own' | 'shared' | 'page',
    model: string,
  ): Promise<{ text: string; downgrades: string[] }>;
  answerQuantized(model: string): Promise<{ text: string; downgrades: string[] }>;
  useEverywhere(model: string): Promise<{ shown: string; json: string; prompted: string; log: number }>;
};

const packed = mkdtempSync(join(tmpdir(), 'outrider-packed-'));
let root: string;
let models: ModelServer;
let browser: Browser;

beforeAll(async () => {
  root = installConsumer(await packPackage(packed));
  [models, browser] = await Promise.all([serveModel(), launchChromium()]);
}, 300_000);

afterAll(async () => {
  await browser?.close();
  models?.close();
  for (const folder of [packed, root]) if (folder) rmSync(folder, { recursive: true });
});

/** As `vite dev` does. */
async function serveInDevelopment() {
  const server = await createServer({ root, logLevel: 'error', server: { port: 0, host: '127.0.0.1' } });
  return server.listen();
}

/** As `vite build` and `vite preview` do. */
async function serveBuilt() {
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = 'production'; // Vitest says `test`
  await build({ root, logLevel: 'error' }).finally(() => {
    process.env.NODE_ENV = before;
  });
  return preview({ root, logLevel: 'error', preview: { port: 0, host: '127.0.0.1' } });
}

describe.each([
  { name: 'in development', serve: serveInDevelopment, threads: ['own', 'shared'] },
  { name: 'built and served', serve: serveBuilt, threads: ['own', 'shared', 'page'] },
] as const)('a project that installed the package, $name', ({ serve, threads }) => {
  let server: Awaited<ReturnType<typeof serve>>;
  let page: Page;
  const errors: string[] = [];
  const loads: string[] = [];
  let text: string;

  beforeAll(async () => {
    server = await serve();
    page = await (await openContext(browser)).newPage();
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && errors.push(message.text()));
    page.on('framenavigated', (frame) => loads.push(frame.url()));
    await page.goto(server.resolvedUrls!.local[0]!);
    await page.waitForFunction(() => 'app' in globalThis);
  }, 120_000);
  afterAll(async () => {
    await page?.close();
    await server?.close();
  });

  const model = () => `${models.url}/open/llama-scoutling`;

  it('uses one engine in the element, under a grammar, and as the Prompt API', async () => {
    const used = await page.evaluate((url) => app.useEverywhere(url), model());
    expect(used.shown).toMatch(/\w+ \w+/);
    expect(used.log).toBe(2);
    expect(typeof JSON.parse(used.json).yes).toBe('boolean');
    expect(used.prompted).toMatch(/^[a-z]{3,8}$/);
    text = used.shown;
  });

  it.each(threads)('answers alike from another thread: %s', async (where) => {
    const answer = await page.evaluate(([at, url]) => app.answerIn(at, url), [where, model()] as const);
    expect(answer).toEqual({ text, downgrades: [] });
  });

  it('brings what only some models need into its own workers, which could not fetch it', async () => {
    const { text: found, downgrades } = await page.evaluate((url) => app.answerQuantized(url), model());
    expect({ found, downgrades }).toEqual({ found: expect.stringMatching(/\w+ \w+/), downgrades: [] });
  });

  it('says nothing is wrong, and never loads the page again', () => {
    expect(errors).toEqual([]);
    expect(loads.length).toBe(1);
  });
});
