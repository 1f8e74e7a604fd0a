/** The choice of kernels in a real browser: made once per adapter, kept in IndexedDB by the engine's worker. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EngineOptions } from '../../src/index.ts';
import { launchChromium, type Site, serveSite } from './serve.ts';

const FAMILIES = ['matvec', 'matmul', 'attention'] as const;

let site: Site;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  [site, browser] = await Promise.all([serveSite(), launchChromium()]);
  page = await browser.newPage();
  await page.goto(`${site.url}tests/browser/cache/index.html`); // any page of this origin
  const content = "import { createEngine } from '/src/index.ts'; Object.assign(window, { createEngine });";
  await page.addScriptTag({ type: 'module', content });
  await page.waitForFunction(() => 'createEngine' in window);
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
});

/** Loads the embedded model, and says what it said. */
const load = (options: EngineOptions) =>
  page.evaluate(async (given) => {
    const { createEngine } = window as unknown as typeof import('../../src/index.ts');
    const texts = new Map<string, number>(); // phase -> when it began
    const onProgress: EngineOptions['onProgress'] = ({ text }) => texts.has(text) || texts.set(text, performance.now());
    const engine = await createEngine('/models/llama-scoutling', { cache: false, ...given, onProgress });
    const stats = await engine.stats();
    await engine.unload();
    return { variants: engine.variants, stats, texts: [...texts] };
  }, options);

it('is made at the first load and taken over at the second', async () => {
  const first = await load({});
  const second = await load({});
  expect(first.texts.map(([text]) => text)).toContain('Choosing kernels');
  expect(first.stats.variants).toEqual(first.variants);
  expect(first.stats.decodeStep.bytes).toBeGreaterThan(1e6);
  for (const family of FAMILIES) {
    const { name, seconds, why } = first.variants[family];
    expect(['measured', 'budget over', 'only one']).toContain(why);
    expect(second.variants[family]).toEqual({ name, seconds, why: why === 'only one' ? why : 'cached' });
  }
  console.log(JSON.stringify(first.variants), JSON.stringify(first.texts), JSON.stringify(second.texts));
});

it('is not made where one is asked for', async () => {
  const { variants } = await load({});
  const asked = Object.fromEntries(FAMILIES.map((family) => [family, variants[family].name]));
  const again = await load({ variants: asked });
  for (const family of FAMILIES)
    expect(again.variants[family]).toMatchObject({ name: asked[family], why: 'asked for' });
});
