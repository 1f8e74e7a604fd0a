/** The choice of kernels in a real browser: made once per adapter, kept in IndexedDB by the loader's worker. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EngineOptions } from '../../src/index.ts';
import { devSiteUrl, launchChromium } from './serve.ts';

const FAMILIES = ['matvec', 'matmul', 'attention'] as const;

let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(`${devSiteUrl}tests/browser/cache/index.html`); // any page of this origin
  const content = "import { createEngine } from '/src/index.ts'; Object.assign(window, { createEngine });";
  await page.addScriptTag({ type: 'module', content });
  await page.waitForFunction(() => 'createEngine' in window);
});

afterAll(async () => {
  await browser?.close();
});

/** Loads the embedded model, and says what it said. */
const load = () =>
  page.evaluate(async () => {
    const { createEngine } = window as unknown as typeof import('../../src/index.ts');
    const texts: string[] = [];
    const onProgress: EngineOptions['onProgress'] = ({ text }) => texts.push(text);
    const engine = await createEngine('/models/llama-scoutling', { cache: false, onProgress });
    const stats = await engine.stats();
    await engine.unload();
    return { variants: engine.variants, stats, texts };
  });

it('is made at the first load and taken over at the second', async () => {
  const first = await load();
  const second = await load();
  expect(first.texts).toContain('Choosing kernels');
  expect(first.stats.variants).toEqual(first.variants);
  expect(first.stats.decodeStep.bytes).toBeGreaterThan(1e6);
  for (const family of FAMILIES) {
    const { name, seconds, why } = first.variants[family];
    expect(['measured', 'budget over', 'only one']).toContain(why);
    expect(second.variants[family]).toEqual({ name, seconds, why: why === 'only one' ? why : 'cached' });
  }
});
