/** Grammars in a page: their worker and its WASM, a Content-Security-Policy with and without it; clients.test.ts holds the model to one. */
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {} from './grammar-page.ts';
import { devSiteUrl, launchChromium } from './serve.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
});

/** A page under a policy, which holds for workers from its blobs; served workers get it with their own response. */
async function openPage(policy: string | undefined): Promise<Page> {
  const page = await browser.newPage();
  const headers: Record<string, string> = policy === undefined ? {} : { 'content-security-policy': policy };
  await page.route('**/grammar.html', (route: Route) =>
    route.fulfill({
      body: '<!doctype html><script type="module" src="/tests/browser/grammar-page.ts"></script>',
      contentType: 'text/html',
      headers,
    }),
  );
  await page.route('**/grammar/worker.ts*', async (route: Route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), ...headers } });
  });
  await page.goto(`${devSiteUrl}grammar.html`);
  await page.waitForFunction(() => 'grammarPage' in globalThis, null, { timeout: 60_000 });
  return page;
}

const schema = { type: 'object', properties: { é: { type: 'string', pattern: '^[à-ÿ]$' } }, required: ['é'] };
const take = (page: Page, text: string) =>
  page.evaluate(([own, written]) => grammarPage.take(own, written), [schema, text] as const);

const DEFAULTS = "default-src 'self'; worker-src 'self' blob:; script-src 'self'";

describe('grammars in a page', () => {
  it.each([undefined, `${DEFAULTS} 'wasm-unsafe-eval'`])('work under the policy %s', async (policy) => {
    const page = await openPage(policy);
    const text = '{"é": "ü"}';
    expect(await take(page, text)).toEqual({ taken: new TextEncoder().encode(text).length, isOver: true });
    expect(await take(page, '{"é":"u"}')).toMatchObject({ isOver: false });
    await page.close();
  });

  it("name the directive that is missing where a policy lacks 'wasm-unsafe-eval'", async () => {
    const page = await openPage(DEFAULTS);
    const failure = await take(page, '{}');
    expect(failure).toMatchObject({ code: 'worker_failed', details: { wasmRefused: true } });
    expect(failure.message).toContain("'wasm-unsafe-eval'");
    await page.close();
  });
});
