/** The model manager with the real engine: a model from another origin, from its address to its deletion. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, modelFolder, serveModel } from './model-server.ts';
import { launchChromium, openContext, type Site, serveSite } from './serve.ts';

const ready = { timeout: 120_000 };

let site: Site;
let server: ModelServer;
let browser: Browser;

beforeAll(async () => {
  [site, server, browser] = await Promise.all([serveSite(), serveModel(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  server?.close();
  await site?.close();
});

async function openPage(): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await openContext(browser, { viewport: { width: 1280, height: 800 } });
  await context.addInitScript(() =>
    localStorage.setItem('outrider.settings', JSON.stringify({ temperature: 0, maxTokens: 4 })),
  );
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { context, page, complaints };
}

const isReady = (page: Page, name: string) =>
  page.locator('#models-open', { hasText: name }).and(page.locator(':has(~ #model:visible)')).waitFor(ready);
const hasText = (page: Page, selector: string, text: string | RegExp) =>
  page.locator(selector, { hasText: text }).first().waitFor(ready);
const row = (page: Page, name: string) => page.locator('.model-row', { hasText: name });

/** Asks for the plan of a model as a person does. */
async function add(page: Page, address: string): Promise<void> {
  await page.fill('#models-address', address);
  await page.press('#models-address', 'Enter');
}

/** Asks, and waits for the answer's end. */
async function answers(page: Page): Promise<void> {
  const before = await page.locator('.answer .stats').count();
  await page.fill('#prompt', 'Hello');
  await page.press('#prompt', 'Enter');
  await page.locator('.answer .stats').nth(before).waitFor(ready);
}

describe('a model from another server', () => {
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    ({ page, complaints } = await openPage());
    await page.goto(`${site.url}?model=${server.url}/open/first-model`);
  });
  afterAll(() => page?.context().close());

  it('shows its plan and its licence before a weight is fetched, when it is named in the page’s address too', async () => {
    await hasText(page, '#models-title', 'first-model');
    await hasText(page, '#plan-legend', /Weights 29\.8 MB/);
    await hasText(page, '#setup-license', 'MIT licence · Built with Llama');
    expect(await page.textContent('#setup-status')).toBe('Accept the licence to go on.');
    expect(await page.isDisabled('#setup-go')).toBe(true);
    expect(server.weightBytes).toBeLessThan(1e6);
    expect(await page.textContent('#setup-download')).toMatch(/^30\.2 MB are downloaded, once/);
  });

  it('weighs it against a budget, and a shorter context against keys and values', async () => {
    await page.locator('#plan-context').fill('3');
    expect(await page.textContent('#plan-context-text')).toBe('8,192 tokens');
    await page.fill('#plan-budget', '0.04');
    await hasText(page, '#plan-verdict', /are missing/);
    await hasText(page, '#plan-legend', 'Missing');
    await page.locator('#plan-context').fill('0');
    await hasText(page, '#plan-verdict', 'It fits');
    expect(await page.textContent('#plan-context-text')).toBe('1,024 tokens');
    await page.fill('#plan-budget', '');
    await hasText(page, '#plan-verdict', /^It needs/);
  });

  it('downloads once its licence is accepted, pauses, and asks before the page is left', async () => {
    server.pace = 2e6;
    await page.check('#setup-accepted');
    await page.click('#setup-go');
    await hasText(page, '#setup-status', /of 29\.8 MB/);
    const question = page.waitForEvent('dialog');
    void page.reload().catch(() => undefined); // the answer is to stay
    const dialog = await question;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    await page.click('#setup-pause');
    await hasText(page, '#setup-go', 'Resume');
    server.pace = undefined;
    const sent = server.weightBytes;
    expect(sent).toBeLessThan(25e6);
    await page.click('#models-back');
    await hasText(page, '.model-state', 'Paused');
    await row(page, 'first-model').getByRole('button', { name: 'Resume: first-model' }).click();
    await page.keyboard.press('Escape');
    await isReady(page, 'first-model');
    await answers(page);
  });

  it('is there on the next visit without asking any server for it', async () => {
    server.forget();
    await page.goto(site.url);
    await isReady(page, 'first-model');
    await answers(page);
    expect(server.asked).toEqual([]);
    await page.click('#model');
    await hasText(page, '#about-license', 'MIT licence · Built with Llama');
    await page.keyboard.press('Escape');
  });

  it('can be checked, and deleted once it is not in use any more', async () => {
    await page.click('#models-open');
    const own = row(page, 'first-model');
    await own.locator('summary').click();
    await own.getByText('Check what is stored').click();
    await hasText(page, '.model-outcome', /^All 30\.2 MB are as they were received\.$/);
    await own.getByText('Delete…').click();
    await hasText(page, '.model-outcome', 'in use here');
    await row(page, 'llama-scoutling')
      .getByRole('button', { name: /llama-scoutling$/ })
      .last()
      .click();
    await hasText(page, '#plan-legend', 'Weights');
    await page.click('#setup-go');
    await page.locator('#models').waitFor({ state: 'hidden', ...ready });
    await isReady(page, 'llama-scoutling');
    await page.click('#models-open');
    await own.getByText('Delete…').click();
    await own.getByText('Delete', { exact: true }).click();
    await hasText(page, '.model-outcome', 'are free again');
    expect(await own.locator('.model-state').textContent()).toBe('Not downloaded');
  });

  it('leaves the console clean', () => {
    expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
  });
});

describe('a gated model', () => {
  it('asks for a token, sends it, and keeps it nowhere', async () => {
    const { context, page } = await openPage();
    await page.goto(`${site.url}?model=${server.url}/gated/secret-model`);
    await hasText(page, '#setup-problem', 'The server does not give out this model');
    await page.fill('#setup-token', server.token);
    await page.press('#setup-token', 'Enter');
    await hasText(page, '#plan-legend', 'Weights 29.8 MB');
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href]));
    expect(kept).toContain('secret-model');
    expect(kept).not.toContain(server.token);
    await context.close();
  });
});

it('reads a folder of this machine where it lies: nothing to accept, nothing stored', async () => {
  const { context, page } = await openPage();
  await page.goto(site.url);
  await isReady(page, 'llama-scoutling');
  await page.click('#models-open');
  await hasText(page, '#models-storage', 'Models take');
  const used = await page.textContent('#models-storage');
  await page.setInputFiles('#models-files', modelFolder);
  await hasText(page, '#setup-download', 'Nothing is downloaded.');
  await page.click('#setup-go');
  await page.locator('#models').waitFor({ state: 'hidden', ...ready });
  await answers(page);
  await page.click('#models-open');
  await hasText(page, '.model-row[data-state="in-use"]', /^llama-scoutling ?In use(?! ·)/);
  expect(await page.textContent('#models-storage')).toBe(used);
  await context.close();
});

describe('the embedded model', () => {
  it('needs no click the first time, and no network the second time', async () => {
    const { context, page } = await openPage();
    await page.goto(site.url);
    await isReady(page, 'llama-scoutling');
    const requests: string[] = [];
    context.on('request', (request) => requests.push(request.url()));
    await page.reload();
    await isReady(page, 'llama-scoutling');
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.filter((url) => url.includes('/models/llama-scoutling'))).toEqual([]);
    await context.setOffline(true);
    await answers(page);
    await context.close();
  });
});

it('refuses what is no address, and what is there but no model, in words', async () => {
  const { context, page } = await openPage();
  await page.goto(`${site.url}?model=nonsense`);
  await hasText(page, '#models-add-problem', '“nonsense” is not a model’s address');
  await add(page, `${server.url}/open/../nothing`);
  await hasText(page, '#setup-problem', 'There is no model here');
  await context.close();
});
