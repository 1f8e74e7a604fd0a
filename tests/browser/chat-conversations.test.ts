/** Conversations of the chat page: kept, listed, shared between tabs, exported and imported; keys, settings, diagnostics. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelFolder } from './model-server.ts';
import { launchChromium, openContext, type Site, serveSite } from './serve.ts';

const ready = { timeout: 120_000 };
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');

let site: Site;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let folder: string;
const complaints: string[] = [];

beforeAll(async () => {
  [site, browser, folder] = await Promise.all([serveSite(), launchChromium(), mkdtemp(join(tmpdir(), 'outrider-'))]);
  context = await openContext(browser, { viewport: { width: 1280, height: 800 } });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await context.addInitScript(() => {
    if (!localStorage.getItem('outrider.settings'))
      localStorage.setItem('outrider.settings', '{"temperature":0,"maxTokens":6}');
  });
  page = await openTab();
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
  if (folder) await rm(folder, { recursive: true });
});

async function openTab(): Promise<Page> {
  const tab = await context.newPage();
  tab.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  tab.on('pageerror', (error) => complaints.push(String(error)));
  await tab.goto(site.url);
  await tab.waitForSelector('#model:visible', ready);
  return tab;
}

/** The list follows the store, which follows the disk. */
const stored = { timeout: 30_000 };
const titles = (tab: Page) => tab.locator('.conversation-title').allTextContents();
const messages = (tab: Page) => tab.locator('.said, .prose').allTextContents();
const open = (tab: Page, title: string) => tab.locator('.conversation-title', { hasText: title }).click();
const toast = (text: string) => page.locator('.toast', { hasText: text });

/** Asks, and waits for the answer's end. */
async function ask(tab: Page, text: string): Promise<void> {
  const before = await tab.locator('.answer .stats').count();
  await tab.fill('#prompt', text);
  await tab.press('#prompt', 'Enter');
  await tab.locator('.answer .stats').nth(before).waitFor(ready);
}

/** Chooses from the menu beside a title. */
async function choose(title: string, item: string): Promise<void> {
  const row = page.locator('.conversation', { hasText: title });
  await row.hover();
  await row.getByRole('button', { name: `More about ${title}` }).click();
  await page.getByRole('menuitem', { name: item }).click();
}

/** Leaves a file on the page, as a drag from the desktop does. */
async function drop(path: string): Promise<void> {
  const session = await context.newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 600, y: 300, data });
    if (type === 'dragOver') await page.locator('#drop').waitFor();
  }
  await session.detach();
}

/** What a click saves. */
async function save(click: () => Promise<void>): Promise<{ name: string; path: string; text: string }> {
  const [file] = await Promise.all([page.waitForEvent('download'), click()]);
  const path = join(folder, file.suggestedFilename());
  await file.saveAs(path);
  return { name: file.suggestedFilename(), path, text: await readFile(path, 'utf8') };
}

describe('conversations', () => {
  it('are listed under their first question, and come back as they were', async () => {
    await ask(page, 'Tell me a story about a dragon');
    await page.click('#new-chat');
    await page.locator('#welcome').waitFor();
    await ask(page, 'Hello');
    await expect.poll(() => titles(page), stored).toEqual(['Hello', 'Tell me a story about a dragon']);
    await open(page, 'Tell me a story about a dragon');
    await page.locator('.said', { hasText: 'dragon' }).waitFor();
    await page.reload();
    await page.waitForSelector('#model:visible', ready);
    expect((await messages(page))[0]).toBe('Tell me a story about a dragon');
    expect(await page.locator('.conversation-title[aria-current]').textContent()).toBe(
      'Tell me a story about a dragon',
    );
  });

  it('lose nothing of an answer that a reload breaks off', async () => {
    await page.evaluate(() => localStorage.setItem('outrider.settings', '{"temperature":0,"maxTokens":400}'));
    await page.locator('.answer').last().getByText('Regenerate').click();
    await page.waitForFunction(() => document.querySelector('.prose')!.textContent!.length > 150, null, ready);
    await page.reload();
    await page.waitForSelector('#model:visible', ready);
    expect((await messages(page))[1]!.length).toBeGreaterThan(20);
    expect(await page.locator('.stats').textContent()).toBe('Stopped');
    expect(await page.locator('.fork-place').textContent()).toBe('2/2');
    await page.evaluate(() => localStorage.setItem('outrider.settings', '{"temperature":0,"maxTokens":6}'));
  });

  it('are renamed, searched, deleted, and brought back', async () => {
    await choose('Hello', 'Rename');
    await page.keyboard.type('Grüße');
    await page.keyboard.press('Enter');
    await page.locator('.conversation-title', { hasText: 'Grüße' }).waitFor();
    await page.fill('#history-search', 'GRÜ');
    expect(await titles(page)).toEqual(['Grüße']);
    await page.fill('#history-search', '');
    const before = await messages(page);
    await choose('Tell me a story about a dragon', 'Delete');
    await page.locator('#welcome').waitFor();
    await expect.poll(() => titles(page), stored).toEqual(['Grüße']);
    await toast('is deleted').getByText('Undo').click();
    await page.locator('.said').first().waitFor();
    expect(await messages(page)).toEqual(before);
    await expect.poll(() => titles(page), stored).toHaveLength(2);
  });

  it('of two tabs take in each other’s messages, in the browser’s own store', async () => {
    const other = await openTab();
    await open(other, 'Tell me a story about a dragon');
    await other.locator('.said').first().waitFor();
    const regenerate = (tab: Page) => tab.locator('.answer').last().getByText('Regenerate').click();
    await Promise.all([regenerate(page), regenerate(other)]);
    const places = [page, other].map(async (tab) => {
      await tab.locator('.fork-place', { hasText: '/4' }).waitFor(ready);
      return tab.locator('.fork-place').textContent();
    });
    expect((await Promise.all(places)).sort()).toEqual(['3/4', '4/4']); // each tab goes on looking at its own
    await page.reload();
    await page.waitForSelector('#model:visible', ready);
    expect(await page.locator('.fork-place').textContent()).toMatch(/[34]\/4/);
    await other.close();
  });

  it('go out as Markdown and JSON, and come back from JSON beside what is there', async () => {
    const { name, text } = await save(() => choose('Tell me a story about a dragon', 'Export as Markdown'));
    expect(name).toBe('Tell-me-a-story-about-a-dragon.md');
    expect(text).toMatch(
      /^# Tell me a story about a dragon\n\n## You\n\nTell me a story about a dragon\n\n## Answer\n/,
    );
    const all = await save(() => page.click('#history-export'));
    await page.setInputFiles('#history-file', all.path);
    await toast('2 conversations are added.').waitFor();
    const dragon = 'Tell me a story about a dragon';
    await expect.poll(async () => (await titles(page)).sort(), stored).toEqual(['Grüße', 'Grüße', dragon, dragon]);
  });

  it('stay as they are when a bad file is dropped: it is refused as a whole, by the place that is wrong', async () => {
    const bad = join(folder, 'bad.json');
    await writeFile(bad, '{"format":"outrider-conversations","version":1,"conversations":[{"title":7}]}');
    await drop(bad);
    await toast('In the file, conversations[0].messages is nothing').getByRole('button', { name: 'Close' }).click();
    expect((await titles(page)).length).toBe(4);
  });
});

describe('the page', () => {
  it('shows the plan of a model whose folder is dropped anywhere', async () => {
    await drop(modelFolder);
    await page.locator('#setup-download', { hasText: 'Nothing is downloaded.' }).waitFor(ready);
    await page.keyboard.press('Escape');
  });

  it('counts the tokens of the draft, and how full the context is', async () => {
    await page.fill('#prompt', 'Once upon a time');
    await page.locator('#context-words', { hasText: /^\d+ tokens · \d+ of 8,192$/ }).waitFor();
    await page.fill('#prompt', 'story '.repeat(9000));
    await page.locator('#context[data-state=over]').waitFor();
    await page.fill('#prompt', '');
  });

  it('has single keys outside the text field, and none inside', async () => {
    await page.focus('#prompt');
    await page.keyboard.type('n?');
    expect(await page.inputValue('#prompt')).toBe('n?');
    await page.fill('#prompt', '');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.locator('#shortcuts').waitFor();
    await page.getByText('Use single keys').click();
    await page.keyboard.press('Escape');
    await page.keyboard.press('n');
    expect(await page.locator('.said').count()).toBeGreaterThan(0);
    await page.keyboard.press('ControlOrMeta+/');
    await page.getByText('Use single keys').click();
    await page.keyboard.press('Escape');
    await page.focus('#log');
    await page.keyboard.press('n');
    await page.locator('#welcome').waitFor();
  });

  it('keeps settings, shows what a wrong one would be, and forgets them on reset', async () => {
    await page.click('#settings-open');
    await page.fill('[name=topK]', '40');
    await page.fill('[name=temperature]', '9');
    await page.locator('#settings .warning', { hasText: 'Temperature' }).waitFor();
    await page.selectOption('[name=overflow]', 'truncate');
    const stored = () => page.evaluate(() => JSON.parse(localStorage.getItem('outrider.settings') ?? 'null'));
    expect(await stored()).toEqual({ topK: 40, maxTokens: 6, overflow: 'truncate' });
    await page.getByText('Reset to defaults').click();
    expect(await stored()).toBe(null);
    await page.fill('[name=maxTokens]', '6');
    await page.keyboard.press('Escape');
    await ask(page, 'My word is xyzzy'); // the engine takes what the page asks for
  });

  it('copies diagnostics that hold machine and model, and no word of what was said', async () => {
    await page.click('#model');
    await page.click('#about-report');
    await toast('The diagnostics are copied').waitFor();
    const report = await page.evaluate(() => navigator.clipboard.readText());
    expect(report).toMatch(/maxBufferSize: \d+/);
    expect(report).toContain(`address: ${site.url}models/llama-scoutling`);
    // This page was loaded before: both the conversations and the choice of kernels are kept.
    expect(report).toMatch(/^matvec: .*"why":"cached"/m);
    expect(report).toContain('## Last error\nnone');
    expect(report).not.toContain('xyzzy');
    await page.keyboard.press('Escape');
  });

  it.each([
    ['on a wide screen', 1280, 'light'],
    ['on a phone, in the dark', 360, 'dark'],
  ] as const)('is accessible %s: the conversation, the list, the dialogs', async (_, width, colorScheme) => {
    await page.setViewportSize({ width, height: 740 });
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axe); // the page's own policy allows no script from elsewhere
    const check = async () => {
      const { violations } = await page.evaluate(() =>
        (window as unknown as { axe: typeof import('axe-core') }).axe.run(),
      );
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
    };
    expect(await check()).toEqual([]);
    if (width < 800) {
      await page.click('#history-toggle');
      await page.locator('#history').waitFor();
      expect(await check()).toEqual([]);
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('history-search');
      await page.keyboard.press('Escape');
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('history-toggle');
    }
    await page.click('#settings-open');
    await page.locator('#settings').waitFor();
    expect(await check()).toEqual([]);
    await page.keyboard.press('Escape');
    await page.keyboard.press('ControlOrMeta+/');
    await page.locator('#shortcuts').waitFor();
    expect(await check()).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  });

  it('leaves the console clean', () => {
    expect(complaints).toEqual([]);
  });
});
