/** Several tabs of a real browser share one engine, with its real locks, ports and workers; and what is said where they cannot. */
import { statSync } from 'node:fs';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Engine, EngineOptions } from '../../src/index.ts';
import { type ModelServer, modelFolder, serveModel } from './model-server.ts';
import { devSiteUrl, launchChromium, openContext } from './serve.ts';

const WEIGHTS = statSync(`${modelFolder}/model.safetensors`).size;

let server: ModelServer;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  [server, browser] = await Promise.all([serveModel(), launchChromium()]);
});
afterAll(async () => {
  await browser?.close();
  server?.close();
});
beforeEach(async () => {
  await context?.close();
  context = await openContext(browser);
  server.pace = undefined;
  server.forget();
});

interface Shared {
  createEngine: typeof import('../../src/index.ts').createEngine;
  listModels: typeof import('../../src/index.ts').listModels;
  engine: Engine;
  texts: string[];
  downgrades: string[];
  /** What the answer that runs has said so far. */
  said: string;
  answer: Promise<string>;
}

async function openTab(): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${devSiteUrl}tests/browser/cache/index.html`); // any page of this origin
  const content =
    "import { createEngine, listModels } from '/src/index.ts'; Object.assign(window, { createEngine, listModels, texts: [] });";
  await page.addScriptTag({ type: 'module', content });
  await page.waitForFunction(() => 'createEngine' in window);
  return page;
}

/** @param own path of the app's own SharedWorker */
const load = (page: Page, options: EngineOptions = {}, own?: string) =>
  page.evaluate(
    async ([source, given, path]) => {
      const tab = window as unknown as Shared;
      const worker = path === undefined ? 'shared' : new SharedWorker(path, { type: 'module' });
      tab.engine = await tab.createEngine(source, {
        ...given,
        worker,
        onProgress: ({ text, progress }) => tab.texts.push(`${text} ${progress}`),
      });
      tab.downgrades = [];
      tab.engine.on('event', (event) => event.type === 'downgrade' && tab.downgrades.push(event.message));
      return tab.engine.model.adapter;
    },
    [`${server.url}/open/shared`, options, own] as const,
  );

const ask = (page: Page, content: string, maxTokens: number) =>
  page.evaluate(
    ([question, max_tokens]) => {
      const tab = window as unknown as Shared;
      tab.said = '';
      tab.answer = (async () => {
        const messages = [{ role: 'user', content: question } as const];
        const stream = await tab.engine.chat.completions.create({
          ...{ messages, temperature: 0, max_tokens, stream: true },
        });
        for await (const chunk of stream) tab.said += chunk.choices[0]?.delta.content ?? '';
        return tab.said;
      })();
    },
    [content, maxTokens] as const,
  );
const answerOf = (page: Page) => page.evaluate(() => (window as unknown as Shared).answer);
const speaks = (page: Page) => page.waitForFunction(() => ((window as unknown as Shared).said ?? '') !== '');
const downgradesOf = (page: Page) => page.evaluate(() => (window as unknown as Shared).downgrades);

const storedBytes = (page: Page) =>
  page.evaluate(async () => (await (window as unknown as Shared).listModels())[0]?.storedBytes ?? 0);

describe('tabs that share an engine', () => {
  it('load it once, both get answers, one goes on when the other is closed, and the last one frees it', async () => {
    const [first, second] = await Promise.all([openTab(), openTab()]);
    await Promise.all([load(first, { cache: false }), load(second, { cache: false })]);
    expect(server.weightBytes).toBeGreaterThan(0.9 * WEIGHTS);
    expect(server.weightBytes).toBeLessThanOrEqual(WEIGHTS);
    expect([await downgradesOf(first), await downgradesOf(second)]).toEqual([[], []]);

    await ask(second, 'Tell me a story about a dragon.', 24);
    const alone = await answerOf(second);
    expect(alone.length).toBeGreaterThan(20);
    await ask(first, 'What is the weather like?', 200);
    await speaks(first);
    await ask(second, 'Tell me a story about a dragon.', 24);
    await first.close();
    expect(await answerOf(second)).toBe(alone);

    const joining = await openTab(); // after the tab that read the model has gone
    await load(joining, { cache: false });
    expect(server.weightBytes).toBeLessThanOrEqual(WEIGHTS);
    await Promise.all([second.close(), joining.close()]);
    const again = await openTab();
    await load(again, { cache: false });
    expect(server.weightBytes).toBeGreaterThan(1.8 * WEIGHTS);
  });

  it('go on loading where the tab that read the model is closed, in a SharedWorker of the app’s own', async () => {
    const own = '/tests/browser/shared/worker.ts';
    const [first, second] = await Promise.all([openTab(), openTab()]);
    server.pace = WEIGHTS / 16;
    const lost = load(first, {}, own).catch(() => 'closed');
    await expect.poll(() => storedBytes(second), { timeout: 60_000 }).toBeGreaterThan(WEIGHTS / 8);
    server.pace = 1000; // nothing more ends before the tab is closed
    const stored = await storedBytes(second);
    expect(stored).toBeLessThan(WEIGHTS);
    const wasted = server.weightBytes - stored;
    const loading = load(second, {}, own);
    await second.waitForFunction(() => (window as unknown as Shared).texts.length > 0);
    server.pace = undefined;
    await first.close();
    expect(await lost).toBe('closed');
    await loading;
    const texts = await second.evaluate(() => (window as unknown as Shared).texts);
    expect(texts.some((text) => text.includes('another goes on from what is stored'))).toBe(true);
    expect(server.weightBytes - wasted).toBeLessThan(1.05 * WEIGHTS); // what was stored is not asked for again
    expect(await downgradesOf(second)).toEqual([]);
    await ask(second, 'Hello', 4);
    expect(await answerOf(second)).not.toBe('');
  });
});

describe('a tab that cannot share', () => {
  it('has the engine in a worker of its own, and says why', async () => {
    await context.addInitScript(() => Reflect.deleteProperty(window, 'SharedWorker')); // as in Chrome for Android
    const tab = await openTab();
    await load(tab, { cache: false });
    await expect
      .poll(() => downgradesOf(tab))
      .toEqual(['The model is loaded for this tab alone, not shared: this browser has no SharedWorkers.']);
    await ask(tab, 'Hello', 4);
    expect(await answerOf(tab)).not.toBe('');
  });
});
