/** The views of one answer, with the real engine: calls and their results, JSON, probabilities, experts, colours of code. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../src/pages/chat/conversations/tree.ts';
import { launchChromium, openContext, type Site, serveSite } from './serve.ts';

const ready = { timeout: 120_000 };
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
const code = 'const dragon = "<b>"; // a comment\nexport { dragon };';

let site: Site;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
const fetched: string[] = [];

beforeAll(async () => {
  [site, browser] = await Promise.all([serveSite(), launchChromium()]);
  const context = await openContext(browser, { viewport: { width: 1280, height: 900 } });
  await context.addInitScript(() => {
    if (!localStorage.getItem('outrider.settings'))
      localStorage.setItem('outrider.settings', '{"temperature":0,"maxTokens":48}');
  });
  page = await context.newPage();
  page.on('request', (request) => fetched.push(request.url()));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(site.url);
  await page.waitForSelector('#model:visible', ready);
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
});

const lastAnswer = () => page.locator('.answer').last();
const inSettings = async (change: () => Promise<unknown>) => {
  await page.click('#settings-open');
  await page.locator('#settings').waitFor();
  await change();
  await page.keyboard.press('Escape');
};

/** What axe finds on the page as it is now. */
async function violations(): Promise<string[]> {
  await page.evaluate(axe);
  const found = await page.evaluate(() => (window as unknown as { axe: typeof import('axe-core') }).axe.run());
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

/** Asks in a new conversation, and waits for the answer's end. */
async function ask(text: string): Promise<void> {
  await page.click('#new-chat');
  await page.locator('#welcome').waitFor();
  await page.fill('#prompt', text);
  await page.press('#prompt', 'Enter');
  await page.locator('.answer .stats').first().waitFor(ready);
}

/** Whether the store has the newest answer whole, with its experts. */
const newestIsStored = () =>
  page.evaluate(async () => {
    const resultOf = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const database = await resultOf(indexedDB.open('outrider-chat'));
    const all = await resultOf<Message[]>(database.transaction('messages').objectStore('messages').getAll());
    database.close();
    // A question and its answer begin in the same millisecond.
    const answers = all.filter((message) => message.role === 'assistant');
    const newest = answers.toSorted((a, b) => a.createdAt - b.createdAt).at(-1);
    return newest?.outcome !== undefined && newest.routes !== undefined;
  });

describe('code', () => {
  it('has colours, fetched with the first block in a known language, and spells what it spelled', async () => {
    const ofColours = () => fetched.filter((url) => /\/(?:colour|highlight|javascript)-[^/]+\.js$/.test(url));
    expect(ofColours()).toEqual([]);
    const text = `\`\`\`js\n${code}\n\`\`\`\n\n\`\`\`nothing\n${code}\n\`\`\`\n\n![x](https://pictures.example/x.png)`;
    const messages = [
      { id: 'q', parent: null, role: 'user', text: 'Code', createdAt: 1 },
      { id: 'a', parent: 'q', role: 'assistant', text, outcome: 'complete', createdAt: 2 },
    ];
    const conversation = { title: 'Colours', createdAt: 1, updatedAt: 1, chosen: {}, messages };
    const file = { format: 'outrider-conversations', version: 1, conversations: [conversation] };
    const buffer = Buffer.from(JSON.stringify(file));
    await page.setInputFiles('#history-file', { name: 'colours.json', mimeType: 'application/json', buffer });
    await page.locator('.conversation-title', { hasText: 'Colours' }).click();
    await page.locator('.prose .hl-keyword').first().waitFor();
    expect(ofColours()).toContainEqual(expect.stringContaining('/javascript-'));
    const blocks = page.locator('.prose pre code');
    expect(await blocks.allTextContents()).toEqual([code, code]);
    expect(await blocks.first().locator('.hl-string').textContent()).toBe('"<b>"');
    expect(await blocks.last().locator('span').count()).toBe(0);
    expect(fetched.some((url) => url.includes('pictures.example'))).toBe(false);
  });

  it.each(['light', 'dark'] as const)('is readable in %s colours', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    expect(await violations()).toEqual([]);
  });
});

describe('tools', () => {
  it('are checked while they are typed, and the examples are those that the model knows', async () => {
    await inSettings(async () => {
      await page.fill('[name=tools]', '[{"type":"function","function":{"name":"no spaces"}}]');
      await page.locator('#settings .warning', { hasText: 'tools[0].function.name' }).waitFor();
      await page.getByText('Put in the examples').click();
      expect(await page.locator('#settings .warning').isVisible()).toBe(false);
    });
  });

  it('are called with a card for each call, and go on with the result that a person gives', async () => {
    await ask('What is the weather in Paris?');
    const card = page.locator('.call');
    await card.waitFor();
    expect(await card.locator('.call-name').textContent()).toBe('get_weather');
    expect(JSON.parse((await card.locator('pre').textContent())!)).toEqual({ city: 'Paris' });
    expect(await violations()).toEqual([]);
    await page.getByLabel('Result of get_weather').fill('rainy, 12 degrees');
    await page.getByRole('button', { name: 'Send result' }).click();
    await page.locator('.answer .stats').nth(1).waitFor(ready);
    expect(await lastAnswer().locator('.prose').textContent()).toContain('rainy, 12 degrees');
    expect(await page.locator('.results dd').allTextContents()).toEqual(['rainy, 12 degrees']);
    expect(await page.locator('.results-form').count()).toBe(0);
  });

  it('answer differently when the result is changed, on a branch of its own', async () => {
    await page.locator('.results').getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Result of get_weather').fill('sunny, 20 degrees');
    await page.keyboard.press('Enter');
    await page.locator('.results .fork-place', { hasText: '2/2' }).waitFor();
    await page.locator('.answer .stats').nth(1).waitFor(ready);
    expect(await lastAnswer().locator('.prose').textContent()).toContain('sunny');
  });
});

describe('probabilities', () => {
  it('are shown for each token by keyboard, with what else could have stood there', async () => {
    await inSettings(async () => {
      await page.getByText('Reset to defaults').click();
      await page.fill('[name=maxTokens]', '12');
      await page.fill('[name=temperature]', '0');
      await page.getByLabel('Show probabilities').check();
    });
    await ask('Tell me a story about a dragon');
    const tokens = page.locator('.tokens .token');
    await tokens.first().waitFor();
    expect(await tokens.count()).toBe(12);
    await tokens.first().focus();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-describedby') ?? '');
    const rows = page.locator(`#${await focused()} li`);
    expect(await rows.count()).toBe(5);
    const shares = (await rows.allTextContents()).map((text) => Number.parseFloat(/([\d.]+) %/.exec(text)![1]!));
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    expect(shares.reduce((sum, share) => sum + share)).toBeLessThanOrEqual(100.3); // rounded to one place
    expect(await rows.first().textContent()).toContain('chosen'); // greedy
    expect(await violations()).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await focused()).toBe('');
  });

  it('are one of two views: the text is the other', async () => {
    const said = (await page.locator('.tokens .token').allTextContents()).join('').replaceAll('↵', '');
    await lastAnswer().getByRole('button', { name: 'Text' }).click();
    expect(await page.locator('.tokens').count()).toBe(0);
    const words = (text: string | null) => (text ?? '').split(/\s+/).filter(Boolean);
    expect(words(await lastAnswer().locator('.prose').textContent())).toEqual(words(said));
  });
});

describe('JSON', () => {
  it('that a schema asks for is a tree, and plain beside it', async () => {
    const schema = {
      type: 'object',
      properties: {
        mood: { enum: ['calm', 'wild'] },
        wings: { type: 'array', items: { type: 'boolean' }, maxItems: 2 },
      },
      required: ['mood', 'wings'],
      additionalProperties: false,
    };
    await inSettings(async () => {
      await page.selectOption('[name=format]', 'json_schema');
      await page.fill('[name=schema]', JSON.stringify(schema));
      await page.fill('[name=maxTokens]', '80');
      await page.getByLabel('Show probabilities').uncheck();
    });
    await ask('Describe a dragon');
    await page.locator('.json-tree').waitFor();
    expect(await page.locator('.json-tree .json-key').allTextContents()).toEqual(
      expect.arrayContaining(['mood', 'wings']),
    );
    expect(await violations()).toEqual([]);
    await lastAnswer().getByRole('button', { name: 'Raw' }).click();
    const { mood } = JSON.parse((await lastAnswer().locator('.prose code').textContent())!);
    expect(schema.properties.mood.enum).toContain(mood);
    await inSettings(() => page.getByText('Reset to defaults').click());
  });
});

describe('the experts of an answer', () => {
  it('come back with it from the store, after a reload, and only its own', async () => {
    await inSettings(() => page.fill('[name=maxTokens]', '7'));
    await ask('Hello');
    await page.fill('#prompt', 'More');
    await page.press('#prompt', 'Enter');
    await page.locator('.answer .stats').nth(1).waitFor(ready);
    const cell = async () => {
      await page.focus('#experts-scroll');
      await page.keyboard.press('Home');
      return page.locator('#experts-readout').textContent();
    };
    const before = await cell();
    await expect.poll(newestIsStored, { timeout: 30_000 }).toBe(true); // a reload cuts off what is being written
    await page.reload();
    await page.waitForSelector('#model:visible', ready);
    // At most 7: what is sampled may end before.
    const readout = page.locator('#experts-readout', { hasText: /\b[1-7] tokens? of this answer\. Kept in/ });
    await readout.waitFor();
    expect(await cell()).toBe(before);
    const first = page.locator('.answer').first().getByRole('button', { name: 'Experts' });
    await first.click();
    await readout.waitFor();
    expect(await first.getAttribute('aria-pressed')).toBe('true');
    expect(await lastAnswer().getByRole('button', { name: 'Experts' }).getAttribute('aria-pressed')).toBe('false');
  });
});

describe('the page', () => {
  it('leaves the console clean', () => {
    expect(complaints).toEqual([]);
  });
});
