/** The chat page with the real engine and the bundled model, in headless Chromium. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenizer } from '../../src/tokenizer/tokenizer.ts';
import { launchChromium, openContext, readProjectJson, type Site, serveSite } from './serve.ts';

const model = 'public/models/llama-scoutling';
const maxTokens = 16;
const ready = { timeout: 120_000 };

let site: Site;
let browser: Browser;

beforeAll(async () => {
  [site, browser] = await Promise.all([serveSite(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
});

/** A page of its own profile, greedy and brief; whatever its console complains about is collected. */
async function openPage(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await openContext(browser, { viewport: { width: 1280, height: 800 }, ...options });
  await context.addInitScript(
    (settings) => {
      if (!localStorage.getItem('outrider.settings')) localStorage.setItem('outrider.settings', settings);
    },
    JSON.stringify({ temperature: 0, maxTokens }),
  );
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, complaints };
}

const untilReady = (page: Page) => page.waitForSelector('#model:visible', ready);
const stats = (page: Page, nth: number) => page.locator('.answer').nth(nth).locator('.stats');
const prose = async (page: Page, nth: number) => (await page.locator('.answer .prose').nth(nth).textContent()) ?? '';

async function ask(page: Page, text: string): Promise<void> {
  await page.fill('#prompt', text);
  await page.press('#prompt', 'Enter');
}

/** Asks, and waits until the answer at the end of the page is complete. */
async function converse(page: Page, text: string): Promise<string> {
  const before = await page.locator('.answer').count();
  await ask(page, text);
  await stats(page, before).waitFor(ready);
  return prose(page, before);
}

/** What Transformers answers greedily, as text, cut to the tokens that the page asks for. */
function expectedText(prompt: string): string {
  const { cases } = readProjectJson('tests/fixtures/scoutling/expected-int4.json') as {
    cases: { prompt: string; greedy_ids: number[] }[];
  };
  const tokenizer = createTokenizer(
    readProjectJson(`${model}/tokenizer.json`),
    readProjectJson(`${model}/tokenizer_config.json`),
  );
  const ids = cases.find((one) => one.prompt === prompt)!.greedy_ids;
  return tokenizer.decode(ids.slice(0, maxTokens), { skipSpecial: true });
}

describe('a conversation', () => {
  const dragon = 'Tell me a story about a dragon';
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    ({ page, complaints } = await openPage());
    await page.goto(site.url);
    await untilReady(page);
  });
  afterAll(() => page?.context().close());

  it('warns of a software adapter and says what that means', async () => {
    expect(await page.locator('#adapter-badge').isVisible()).toBe(true);
    await page.click('#model');
    await page.locator('#about:popover-open').waitFor();
    expect(await page.locator('#about').textContent()).toMatch(/swiftshader/i);
    expect(await page.locator('#about-software').isVisible()).toBe(true);
    await page.keyboard.press('Escape');
  });

  it('begins as Transformers does, and says how many tokens it took', async () => {
    const answer = await converse(page, dragon);
    expect(answer.trim()).toBe(expectedText(dragon).trim());
    expect(await stats(page, 0).textContent()).toMatch(/Cut off at the token limit.*16 tokens.*tokens\/s.*prompt \d+/s);
  });

  it('shows the expert of every token and layer, by keyboard too', async () => {
    await page.focus('#experts-scroll');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#experts-readout').textContent()).toMatch(
      /^“.+” took expert \d+ in layer 1 \(chunked attention, RoPE\)\.$/,
    );
    await page.click('#experts-text summary');
    await page.locator('#experts-text tbody tr').first().waitFor(); // filled by the toggle event
    expect(await page.locator('#experts-text tbody tr').count()).toBe(8);
    expect(await page.locator('#experts-text tbody tr').nth(3).textContent()).toMatch(
      /layer 3 \(global attention, NoPE\)\d+ \(\d+ %\)/,
    );
  });

  it('reuses what it has read for the second turn', async () => {
    await converse(page, 'What is its name?');
    const [, prompt, cached] = /prompt (\d+), (\d+) cached/.exec((await stats(page, 1).textContent())!)!;
    expect(Number(cached)).toBeGreaterThan(Number(prompt) / 2);
  });

  it('keeps Enter for an input method that is composing, and breaks the line on Shift+Enter', async () => {
    await page.fill('#prompt', 'にほん');
    const prevented = await page.locator('#prompt').evaluate((field) => {
      const enter = (init: KeyboardEventInit) => {
        const event = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...init });
        return !field.dispatchEvent(event);
      };
      return [enter({ isComposing: true }), enter({ keyCode: 229 })];
    });
    expect(prevented).toEqual([false, false]);
    await page.press('#prompt', 'Shift+Enter');
    expect(await page.inputValue('#prompt')).toBe('にほん\n');
    expect(await page.locator('.question').count()).toBe(2);
    await page.fill('#prompt', '');
  });

  it('survives a reload, and goes on', async () => {
    await page.reload();
    await untilReady(page);
    expect(await page.locator('.question, .answer').count()).toBe(4);
    await converse(page, 'Thank you');
    expect(await page.locator('.answer').count()).toBe(3);
  });

  it('asks again from an edited message', async () => {
    await page.locator('.question').first().hover();
    await page.locator('.question').first().getByText('Edit').click();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type(dragon);
    await page.keyboard.press('Enter');
    await stats(page, 0).waitFor(ready);
    expect(await page.locator('.question, .answer').count()).toBe(2);
    expect((await prose(page, 0)).trim()).toBe(expectedText(dragon).trim());
  });

  it('keeps what was said before the edit on a branch of its own, by keyboard too', async () => {
    expect(await page.locator('.fork-place').allTextContents()).toEqual(['2/2']);
    await page.focus('.fork [data-move=previous]');
    await page.keyboard.press('Enter');
    expect(await page.locator('.question, .answer').count()).toBe(6);
    expect(await page.locator('.fork-place').allTextContents()).toEqual(['1/2']);
    const focused = () => page.evaluate(() => document.activeElement?.ariaLabel);
    expect(await focused()).toBe('Next question'); // there is no previous one
    await page.keyboard.press('Enter');
    expect(await page.locator('.question, .answer').count()).toBe(2);
    expect(await focused()).toBe('Previous question');
  });

  it('stops on Escape, and regenerates the same greedy answer in full', async () => {
    await page.click('#settings-open');
    await page.fill('[name=maxTokens]', '400');
    await page.keyboard.press('Escape');
    await page.getByText('Regenerate').click();
    await page.waitForFunction(() => document.querySelector('.prose')!.textContent!.length > 40, null, ready);
    await page.keyboard.press('Escape');
    await stats(page, 0).waitFor(ready);
    expect(await stats(page, 0).textContent()).toContain('Stopped');
    const stopped = (await prose(page, 0)).trim();

    await page.click('#settings-open');
    await page.fill('[name=maxTokens]', String(maxTokens));
    await page.keyboard.press('Escape');
    await page.getByText('Regenerate').click();
    await page.getByText('Cut off at the token limit').waitFor(ready);
    const again = (await prose(page, 0)).trim();
    expect(again).toBe(expectedText(dragon).trim());
    expect(stopped.startsWith(again) || again.startsWith(stopped)).toBe(true);
  });

  it('refuses what the engine refuses without losing the model', async () => {
    await ask(page, 'story '.repeat(9000));
    await page.getByText('The conversation is too long').first().waitFor(ready);
    await page.click('#new-chat');
    await page.locator('#welcome').waitFor();
    await converse(page, dragon);
  });

  it('announces sentences, never single tokens', async () => {
    const spoken = await page.locator('#announcer p').allInnerTexts();
    expect(spoken).toContain('The model is ready.');
    expect(spoken.filter((text) => text.split(' ').length < 2)).toEqual([]);
  });

  it('leaves the console clean: nothing blocked by the policy, nothing uncaught', () => {
    expect(complaints).toEqual([]);
  });
});

describe('the page without a model', () => {
  it.each([
    [
      'says that the address is not secure',
      'This address is not secure',
      (url: string) => url.replace('127.0.0.1', 'insecure.test'),
    ],
    ['says that there is no model', 'There is no model here', (url: string) => `${url}?model=/models/nothing`],
  ])('%s', async (_, title, address) => {
    const { page } = await openPage();
    await page.goto(address(site.url));
    await page.locator('#problem-title', { hasText: title }).waitFor({ timeout: 30_000 });
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('problem-title');
    await page.context().close();
  });

  it('says that the browser has no WebGPU, before anything is downloaded', async () => {
    const { page } = await openPage();
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined }));
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(site.url);
    await page.locator('#problem-title', { hasText: 'This browser has no WebGPU' }).waitFor();
    expect(requests.filter((url) => url.includes('/models/llama-scoutling'))).toEqual([]);
    await page.context().close();
  });

  it('says that the network failed, and tries again when asked', async () => {
    const { page } = await openPage();
    await page.context().route('**/models/llama-scoutling/**', (route) => route.abort());
    await page.goto(site.url);
    await page.locator('#problem-title', { hasText: 'The model could not be fetched' }).waitFor({ timeout: 30_000 });
    await page.context().unroute('**/models/llama-scoutling/**');
    await page.click('#problem-retry');
    await page.locator('#status', { hasText: 'Loading weights' }).waitFor({ timeout: 30_000 });
    await page.context().close();
  });

  it.each([
    [360, 'light'],
    [360, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)('fits %i px without scrolling sideways, in %s', async (width, colorScheme) => {
    const { page } = await openPage({ viewport: { width, height: 740 }, colorScheme });
    await page.goto(`${site.url}?model=/models/nothing`);
    await page.locator('#problem').waitFor();
    await page.click('#settings-open');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    const { color, backgroundColor } = await page.evaluate(() => {
      const { color, backgroundColor } = getComputedStyle(document.body);
      return { color, backgroundColor };
    });
    expect([color, backgroundColor].map((text) => Number(/\d+/.exec(text)![0]) > 127)).toEqual(
      colorScheme === 'light' ? [false, true] : [true, false],
    );
    await page.context().close();
  });
});

describe('a lost device', () => {
  it('keeps the conversation, and loads the model again on request', async () => {
    const crashing = await launchChromium(); // of its own: a crash takes the GPU from every page
    const page = await (await openContext(crashing)).newPage();
    await page.addInitScript(() => localStorage.setItem('outrider.settings', '{"temperature":0,"maxTokens":4}'));
    await page.goto(site.url);
    await untilReady(page);
    const answer = await converse(page, 'Hello');
    const session = await crashing.newBrowserCDPSession();
    await session.send('Browser.crashGpuProcess').catch(() => {}); // the crash may take the reply along
    await page.locator('#problem-title', { hasText: 'The GPU went away' }).waitFor({ timeout: 30_000 });
    expect((await prose(page, 0)).trim()).toBe(answer.trim());
    await page.click('#problem-retry');
    await page.locator('#problem').waitFor({ state: 'hidden' });
    await page.waitForFunction(() => document.querySelector('#status')?.textContent?.includes(' on '), null, ready);
    await converse(page, 'And again');
    await crashing.close();
  });
});
