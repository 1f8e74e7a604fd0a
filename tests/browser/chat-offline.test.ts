/** The built site without a network: the service worker has kept the page, the library the model. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { type PreviewServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchChromium, openContext } from './serve.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const ready = { timeout: 120_000 };

let outDir: string;
let server: PreviewServer | undefined;
let url: string;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

async function serve(port: number): Promise<void> {
  server = await preview({
    root,
    mode: 'site',
    logLevel: 'error',
    build: { outDir },
    preview: { port, strictPort: port > 0 },
  });
  url = server.resolvedUrls!.local[0]!;
}

/** As if the machine had lost its network: nothing answers any more. */
async function unplug(): Promise<void> {
  await server?.close();
  server = undefined;
}

beforeAll(async () => {
  outDir = await mkdtemp(join(tmpdir(), 'outrider-site-')); // its own, since a new version is put there
  await cp(inject('builtSite'), outDir, { recursive: true });
  await serve(0);
  browser = await launchChromium();
  const context = await openContext(browser);
  await context.addInitScript(() => {
    if (location.protocol === 'http:') localStorage.setItem('outrider.settings', '{"temperature":0,"maxTokens":6}');
  });
  page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
});

afterAll(async () => {
  await browser?.close();
  await unplug();
  if (outDir) await rm(outDir, { recursive: true });
});

async function answers(): Promise<string> {
  const before = await page.locator('.answer .stats').count();
  await page.fill('#prompt', 'Tell me a story about a dragon');
  await page.press('#prompt', 'Enter');
  await page.locator('.answer .stats').nth(before).waitFor(ready);
  return (await page.locator('.answer .prose').nth(before).textContent()) ?? '';
}

describe('the built site', () => {
  let first: string;

  it('keeps itself once, and leaves the model to the library', async () => {
    await page.goto(url);
    await page.waitForSelector('#model:visible', ready);
    first = await answers();
    await page.evaluate(async () => void (await navigator.serviceWorker.ready));
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    const kept = await page.evaluate(async () => {
      const requests = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
      return requests.flat().map((request) => new URL(request.url).pathname);
    });
    expect(kept).toEqual(expect.arrayContaining(['/', '/bench/', '/manifest.webmanifest', '/icon-512.png']));
    expect(kept.filter((path) => path.startsWith('/models/'))).toEqual([]);
    expect(new Set(kept).size).toBe(kept.length);
  });

  it('works without a network after a reload: page, conversation, model, answer, dialogs', async () => {
    await unplug();
    await page.reload();
    await page.waitForSelector('#model:visible', ready);
    expect(await page.locator('.prose').textContent()).toBe(first);
    await page.click('#new-chat');
    await page.locator('#welcome').waitFor();
    expect(await answers()).toBe(first);
    await page.click('#settings-open');
    await page.locator('#settings').waitFor();
    await page.keyboard.press('Escape');
    await page.goto(`${url}?model=/models/llama-scoutling`);
    await page.waitForSelector('#model:visible', ready);
    await page.goto(`${url}bench/`);
    expect(await page.locator('h1').count()).toBeGreaterThan(0);
  });

  it('says that a new version is ready, and shows it when asked', async () => {
    const worker = join(outDir, 'service-worker.js');
    const code = await readFile(worker, 'utf8');
    await writeFile(worker, code.replace(/"version":"[^"]+"/, '"version":"next"'));
    await serve(Number(new URL(url).port));
    await page.goto(url);
    const offer = page.locator('.toast', { hasText: 'A new version is ready.' }).getByText('Reload');
    await offer.waitFor(ready);
    await Promise.all([page.waitForEvent('load', ready), offer.click()]);
    expect(await page.evaluate(() => caches.has('outrider-site-next'))).toBe(true);
    await page.waitForSelector('#model:visible', ready);
    expect(await page.locator('.toast').count()).toBe(0);
  });

  it('throws no error', () => {
    expect(complaints).toEqual([]);
  });
});
