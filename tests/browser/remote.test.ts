/** A fallback in a page: a device that is lost in an engine's worker, a page without WebGPU, a server of another origin. */
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenizer } from '../../src/tokenizer/tokenizer.ts';
import { type ConformingServer, MODEL, startServer } from '../remote/server.ts';
import type {} from './remote-page.ts';
import { devSiteUrl, launchChromium, NO_ADAPTER, openContext, readProjectJson } from './serve.ts';

const question = 'Tell me a story about a dragon';
const apiKey = 'sk-of-the-page';
const { cases } = readProjectJson('tests/fixtures/scoutling/expected-int4.json') as {
  cases: { prompt: string; greedy_ids: number[] }[];
};
const folder = 'public/models/llama-scoutling';
const tokenizer = createTokenizer(
  readProjectJson(`${folder}/tokenizer.json`),
  readProjectJson(`${folder}/tokenizer_config.json`),
);
/** What Transformers answers, and so the page before the device is lost. */
const story = tokenizer.decode(cases.find(({ prompt }) => prompt === question)!.greedy_ids, { skipSpecial: true });

let browser: Browser;
let server: ConformingServer;

beforeAll(async () => {
  const header = '<|header_start|>assistant<|header_end|>\n\n';
  [browser, server] = await Promise.all([
    launchChromium(),
    startServer({ story, header, apiKey, completions: ['text'], cors: true }),
  ]);
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** A page whose user lets it ask servers of this machine. */
async function openPage(hasWebGpu = true): Promise<Page> {
  const context = await openContext(browser);
  await context.grantPermissions(['local-network-access']);
  const page = await context.newPage();
  if (!hasWebGpu) {
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined }));
  }
  await page.route('**/remote.html', (route: Route) =>
    route.fulfill({
      body: '<!doctype html><script type="module" src="/tests/browser/remote-page.ts"></script>',
      contentType: 'text/html',
    }),
  );
  await page.goto(`${devSiteUrl}remote.html`);
  await page.waitForFunction(() => 'remotePage' in globalThis, null, { timeout: 60_000 });
  return page;
}

const fallback = () => ({ baseURL: server.baseURL, apiKey, model: MODEL });

describe('a fallback in a page', () => {
  it('goes on with an answer whose device is lost in its middle, and says so; the key goes to no other origin', async () => {
    const page = await openPage();
    const keys: string[] = [];
    page.on('request', (request) => {
      if (JSON.stringify(request.headers()).includes(apiKey)) keys.push(new URL(request.url()).origin);
    });
    expect(await page.evaluate((options) => remotePage.open({ fallback: options }, true), fallback())).toBe('local');
    const answer = await page.evaluate((text) => remotePage.ask(text, 8), question);
    expect(answer).toMatchObject({ text: story });
    expect(answer.local).not.toBe('');
    expect(answer).toMatchObject({
      where: 'remote',
      remote: { origin: server.origin, model: MODEL, reason: 'device_lost', answer: 'continued' },
      events: expect.arrayContaining(['device_lost', 'downgrade', 'remote']),
    });
    expect(server.asked.map(({ path, body }) => [path, body.prompt.endsWith(answer.local)])).toEqual([
      ['/v1/completions', true],
    ]);
    expect(new Set(keys)).toEqual(new Set([server.origin]));
    expect(await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]))).not.toContain(
      apiKey,
    );
    await page.evaluate(() => remotePage.close());
    await page.close();
  });

  it('is not there unless it is given: then the error says what to do', async () => {
    const page = await openPage();
    const before = server.asked.length;
    await page.evaluate(() => remotePage.open({}, true));
    const answer = await page.evaluate((text) => remotePage.ask(text, 8), question);
    expect(answer).toMatchObject({
      code: 'device_lost',
      message: expect.stringMatching(/Load the model again.*fallback/),
    });
    expect(answer.text).not.toBe('');
    expect(server.asked).toHaveLength(before);
    await page.close();
  });

  it('answers where the plan says that the model is too large, before a weight is fetched', async () => {
    const page = await openPage();
    let fetched = 0;
    page.context().on('requestfinished', async (request) => {
      if (request.url().includes('.safetensors')) fetched += (await request.sizes()).responseBodySize;
    });
    const where = await page.evaluate((options) => remotePage.open({ fallback: options, budget: 1e6 }), fallback());
    expect(where).toBe('remote');
    const answer = await page.evaluate((text) => remotePage.ask(text), question);
    expect(answer).toMatchObject({ text: story, remote: { reason: 'model_too_large', answer: 'whole' } });
    expect(fetched).toBeLessThan(1e6);
    await page.close();
  });

  it('answers in a page that has no WebGPU, and says what is in the way where the server does not let it', async () => {
    const page = await openPage(false);
    expect(await page.evaluate((options) => remotePage.open({ fallback: options, worker: false }), fallback())).toBe(
      'remote',
    );
    const answer = await page.evaluate((text) => remotePage.ask(text), question);
    expect(answer).toMatchObject({ text: story, remote: { reason: 'webgpu_unavailable', answer: 'whole' } });

    const closed = await startServer({ story, header: '', apiKey });
    await page.evaluate((options) => remotePage.open({ fallback: options, worker: false }), {
      ...fallback(),
      baseURL: closed.baseURL,
    });
    const refused = await page.evaluate((text) => remotePage.ask(text), question);
    expect(refused).toMatchObject({ code: 'network_error', message: expect.stringContaining('CORS') });
    await closed.close();
    await page.close();
  });

  it('is what a person sets on the chat page, which says whose answer it is and forgets the key', async () => {
    const without = await launchChromium(NO_ADAPTER);
    const context = await without.newContext();
    await context.grantPermissions(['local-network-access']);
    const page = await context.newPage();
    await page.goto(devSiteUrl);
    await page.locator('#problem:visible').waitFor();
    await page.click('#settings-open');
    await page.getByLabel('Address of the server').fill(server.baseURL);
    await page.getByLabel('Model on the server').fill(MODEL);
    await page.getByLabel('Key', { exact: true }).fill(apiKey);
    await page.keyboard.press('Escape');
    await page.click('#problem-retry');
    await page.locator('#lead-remote').waitFor();
    await page.fill('#prompt', question);
    await page.press('#prompt', 'Enter');
    await page.locator('.stats', { hasText: `Computed by ${server.origin} (${MODEL}), not on this machine` }).waitFor();
    expect((await page.locator('.prose').textContent())!.slice(0, 20)).toBe(story.slice(0, 20));
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain(apiKey);
    await without.close();
  });
});
