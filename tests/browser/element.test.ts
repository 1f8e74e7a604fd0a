/** `<outrider-chat>` as it is built, on somebody else's page under a strict policy, with the bundled model and with scripted engines. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OutriderChat } from '../../src/element/outrider-chat.ts';
import { type ForeignSite, serveForeignSite, strictPolicy } from './foreign-site.ts';
import { launchChromium, openContext } from './serve.ts';

const model = '/models/llama-scoutling';
const ready = { timeout: 120_000 };
const policy = { 'content-security-policy': strictPolicy };

let site: ForeignSite;
let browser: Browser;

beforeAll(async () => {
  [site, browser] = await Promise.all([serveForeignSite(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  site?.close();
});

const pageWith = (body: string, script = '/outrider-chat.js', attributes = 'lang="en"') =>
  `<!doctype html><html ${attributes}><head><title>A shop</title><meta name="viewport" content="width=device-width">
  <script type="module" src="${script}"></script><script src="/axe.js"></script></head>
  <body><main><h1>A shop</h1>${body}</main></body></html>`;

interface Watched {
  readonly page: Page;
  /** What the policy blocked, the console complained about, and scripts threw. */
  readonly complaints: string[];
  readonly requests: string[];
}

async function open(url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await openContext(browser, { viewport: { width: 800, height: 800 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  await page.exposeFunction('complain', (text: string) => complaints.push(text));
  await page.addInitScript(() => {
    const { complain } = window as unknown as { complain(text: string): void };
    addEventListener(
      'securitypolicyviolation',
      (event) => complain(`${event.violatedDirective} ${event.blockedURI}`),
      true,
    );
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  await page.waitForFunction(() => customElements.get('outrider-chat'));
  return { page, complaints, requests };
}

const chat = (page: Page) => page.locator('outrider-chat').first();
/** In the messages: what is announced is the same text once more. */
const shown = (page: Page, text: string) => page.getByRole('log').getByText(text);
const state = (page: Page) => chat(page).evaluate((element: OutriderChat) => element.state);

/** Gives the element an engine that answers each question with the next text, a few characters at a time; '…' waits for Stop. */
async function script(page: Page, ...answers: string[]): Promise<void> {
  await chat(page).evaluate((element: OutriderChat, answers) => {
    const create = async (_: never, { signal }: { signal: AbortSignal }) =>
      (async function* () {
        for (const content of answers.shift()!.match(/.{1,5}/gs)!) {
          if (content.startsWith('…')) await new Promise((_, reject) => signal.addEventListener('abort', reject));
          yield { choices: [{ delta: { content } }] };
          await new Promise((resolve) => setTimeout(resolve));
        }
        yield { choices: [{ delta: {}, finish_reason: 'stop' }] };
      })();
    element.engine = { chat: { completions: { create } } } as unknown as OutriderChat['engine'];
  }, answers);
}

async function ask(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox').first().fill(text);
  await page.getByRole('textbox').first().press('Enter');
}

/** What axe finds wrong, as one line each. */
function audit(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    const { violations, incomplete } = await axe.run({ preload: false });
    const unsure = incomplete.filter(({ id }) => id === 'color-contrast');
    return [...violations, ...unsure].map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
}

const hostile = [
  '# Title\n\nSome `code`, *words* and [a link](https://example.com/x).\n\n',
  `\`\`\`js\nconst a = "<b>"; // ${'long '.repeat(60)}\n\`\`\`\n\n`,
  `| a | b |\n|:-:|--:|\n| <img src=x onerror=alert(1)> | ${'wide '.repeat(60).trim()} |\n\n`,
  '![pixel](https://example.com/p.png) <img src="https://example.com/q.png" style="color:red">\n\n',
  '<style>@import "https://example.com/x.css"</style><script src="https://example.com/x.js"></script>\n\n',
  '<iframe src="https://example.com"></iframe> [x](javascript:alert(1)) <a href="https://example.com" ping="/p">y</a>\n\n',
  '- [x] done\n- 1. deep\n\n> quoted\n',
].join('');

describe('on a foreign page under a strict policy', () => {
  let watched: Watched;
  beforeAll(async () => {
    const body = `<outrider-chat model="${model}" temperature="0" max-tokens="24"></outrider-chat>`;
    watched = await open(site.addPage(pageWith(body), policy));
  });
  afterAll(() => watched?.page.context().close());

  it('costs nothing until it is used, then loads, answers and announces by the sentence', async () => {
    const { page, requests } = watched;
    expect(requests.filter((url) => url.includes('/models/'))).toEqual([]);
    expect(requests.filter((url) => url.endsWith('.js') && !url.endsWith('/axe.js')).length).toBeLessThanOrEqual(2);
    await ask(page, 'Tell me a story about a dragon');
    await page.getByRole('progressbar').waitFor();
    await page.locator('[part="answer-note"]').waitFor(ready);
    const [message, spoken] = await chat(page).evaluate((element: OutriderChat) => [
      element.messages[1]!.content,
      Array.from(element.shadowRoot!.querySelectorAll('[aria-live=polite] p'), (line) => line.textContent),
    ]);
    expect(message!.length).toBeGreaterThan(20);
    expect(spoken[0]).toBe('The model is ready.');
    expect(spoken.slice(1).join(' ')).toBe(String(message).replace(/\s+/g, ' ').trim());
    expect(await page.locator('[part="answer-note"]').textContent()).toBe('Cut off at the token limit');
  });

  it('shows code, tables and hostile Markdown without a request, a style attribute or a violation', async () => {
    const { page, requests, complaints } = watched;
    await script(page, hostile, 'Second\n\nanswer');
    requests.length = 0;
    await ask(page, 'Show me everything');
    await shown(page, 'quoted').waitFor();
    await ask(page, '<b>More</b>');
    await shown(page, 'Second').waitFor();
    await page.waitForFunction(() => document.querySelector('outrider-chat')!.state === 'ready');
    const found = await chat(page).evaluate((element: OutriderChat) => {
      const root = element.shadowRoot!;
      const active = 'img, script, iframe, style, object, embed, link, video, audio, [style], [ping], [onerror]';
      return [root.querySelectorAll(active).length, root.querySelectorAll('table, pre, blockquote').length];
    });
    expect(found).toEqual([0, 3]);
    expect(requests).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('passes axe', async () => {
    expect(await audit(watched.page)).toEqual([]);
  });

  it('exports what was said, and takes it back', async () => {
    const [before, after, markdown] = await chat(watched.page).evaluate((element: OutriderChat) => {
      const json = element.exportMessages();
      const before = JSON.stringify(element.messages);
      element.reset();
      element.messages = JSON.parse(json).messages;
      return [before, JSON.stringify(element.messages), element.exportMessages('markdown')];
    });
    expect(after).toBe(before);
    expect(markdown).toMatch(/^## You\n\nTell me a story.*## Answer\n\n.*## You\n\n<b>More<\/b>/s);
  });
});

describe('the field', () => {
  let page: Page;
  beforeAll(async () => {
    ({ page } = await open(site.addPage(pageWith('<outrider-chat></outrider-chat>'), policy)));
  });
  afterAll(() => page?.context().close());

  it('keeps Enter for an input method that is composing, and breaks the line on Shift+Enter', async () => {
    await script(page, 'One');
    const field = page.getByRole('textbox');
    await field.fill('にほん');
    const prevented = await field.evaluate((field) =>
      [{ isComposing: true }, { keyCode: 229 }].map((init) => {
        const event = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...init });
        return !field.dispatchEvent(event);
      }),
    );
    expect(prevented).toEqual([false, false]);
    await field.press('Shift+Enter');
    expect([await field.inputValue(), await state(page)]).toEqual(['にほん\n', 'idle']);
    expect(await field.evaluate((field) => Number.parseFloat(getComputedStyle(field).fontSize))).toBeGreaterThanOrEqual(
      16,
    );
  });

  it('stops on Escape, keeps the focus, and goes on', async () => {
    await script(page, 'Half …', 'Whole');
    const field = page.getByRole('textbox');
    await ask(page, 'Hi');
    await shown(page, 'Half').waitFor();
    await field.press('Escape');
    await page.getByText('Stopped').waitFor();
    await page.getByRole('button', { name: 'Regenerate' }).click();
    await shown(page, 'Whole').waitFor();
    expect(await field.evaluate((field) => field.matches(':focus'))).toBe(true);
    await page.getByRole('button', { name: 'New conversation' }).click();
    expect(await page.getByText('Ask something').isVisible()).toBe(true);
  });

  it('asks the engine that was set last, even in the same breath', async () => {
    await script(page, 'Old');
    const answers = await chat(page).evaluate(async (element: OutriderChat) => {
      const before = await element.ask('Hi');
      const create = async () =>
        (async function* () {
          yield { choices: [{ delta: { content: 'New' }, finish_reason: 'stop' }] };
        })();
      element.engine = { chat: { completions: { create } } } as unknown as OutriderChat['engine'];
      return [before, await element.ask('Hi')];
    });
    expect(answers).toEqual(['Old', 'New']);
  });

  it('shows calls of tools and what they returned, and says what it was not told', async () => {
    await chat(page).evaluate((element: OutriderChat) => {
      const call = { index: 0, id: 'c1', function: { name: 'add', arguments: '{"a":2,"b":3}' } };
      let round = 0;
      const create = async () =>
        (async function* () {
          if (round++ === 0) yield { choices: [{ delta: { tool_calls: [call] }, finish_reason: 'tool_calls' }] };
          else yield { choices: [{ delta: { content: 'It is 5.' }, finish_reason: 'stop' }] };
        })();
      element.engine = { chat: { completions: { create } } } as unknown as OutriderChat['engine'];
      element.runTool = ({ function: { arguments: text } }) => String(JSON.parse(text).a + JSON.parse(text).b);
    });
    await ask(page, 'Add');
    await shown(page, 'It is 5.').waitFor();
    expect(await page.locator('[part="tool-call"]').textContent()).toMatch(/Called add\s+{\s+"a": 2,/);
    expect(await page.locator('[part="tool-result"]').textContent()).toMatch(/Result of add\s+5/);
    await chat(page).evaluate((element: OutriderChat) => {
      element.engine = undefined;
      element.reset();
    });
    await ask(page, 'Hi');
    await page.getByRole('alert').getByText('The question could not be asked').waitFor();
  });

  it('says everything in other words when it is told so', async () => {
    await chat(page).evaluate((element: OutriderChat) => {
      element.strings = { send: 'Senden', emptyTitle: 'Frag etwas', placeholder: 'Nachricht' };
      element.reset();
    });
    await page.getByText('Frag etwas').waitFor();
    expect(await page.getByRole('button', { name: 'Senden' }).count()).toBe(1);
    expect(await page.getByPlaceholder('Nachricht').count()).toBe(1);
  });
});

describe('when it cannot answer', () => {
  it('says that the browser has no WebGPU, before anything is downloaded', async () => {
    const body = `<outrider-chat model="${model}"></outrider-chat>`;
    const { page, requests } = await open(site.addPage(pageWith(body), policy));
    await page.evaluate(() => Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined }));
    await ask(page, 'Hi');
    await page.getByRole('alert').getByText('This browser has no WebGPU').waitFor();
    expect(requests.filter((url) => url.includes('/models/'))).toEqual([]);
    expect(await audit(page)).toEqual([]);
    await page.context().close();
  });
});

describe('several on a page, one of them in a shadow root, from another origin, on an isolated page', () => {
  let crashing: Browser; // of their own: a crash takes the GPU from every page
  let page: Page;
  const complaints: string[] = [];
  let release = () => {};

  beforeAll(async () => {
    crashing = await launchChromium();
    page = await (await openContext(crashing)).newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.context().route('**/*.safetensors', async (route) => {
      await held;
      await route.continue().catch(() => {}); // cancelled meanwhile
    });
    const isolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
    const tag = `<outrider-chat model="${site.otherUrl}${model}" temperature="0" max-tokens="4"></outrider-chat>`;
    const body = `${tag}<div><template shadowrootmode="open">${tag}</template></div>`;
    const html = pageWith(body, `${site.otherUrl}/outrider-chat.js`).replace('<script', '<script crossorigin');
    await page.goto(site.addPage(html, isolated));
    await page.waitForFunction(() => customElements.get('outrider-chat'));
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  });
  afterAll(() => crashing?.close());

  it('can be cancelled while they load', async () => {
    await ask(page, 'Hello');
    await page.getByRole('progressbar').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(await state(page)).toBe('idle');
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(1);
    release();
  });

  it('share one engine', async () => {
    const answers = await page.evaluate(async () => {
      const chats = [
        document.querySelector('outrider-chat'),
        document.querySelector('div')!.shadowRoot!.firstElementChild,
      ];
      return Promise.all(
        (chats as OutriderChat[]).map((chat, index) => (index === 0 ? chat.retry() : chat.ask('Hello'))),
      );
    });
    expect(answers[0]).toBe(answers[1]);
    expect(answers[0]).not.toBe('');
    expect(page.workers()).toHaveLength(2); // one that computes, one that reads
    expect(await audit(page)).toEqual([]);
  });

  it('keep their conversations when the device is lost, and load again when asked to', async () => {
    const before = await chat(page).evaluate((element: OutriderChat) => element.exportMessages());
    const session = await crashing.newBrowserCDPSession();
    await session.send('Browser.crashGpuProcess').catch(() => {}); // the crash may take the reply along
    const alerts = page.getByRole('alert').filter({ hasText: 'The GPU went away' });
    await alerts.nth(1).waitFor({ timeout: 30_000 });
    expect(await chat(page).evaluate((element: OutriderChat) => element.exportMessages())).toBe(before);
    await page.getByRole('button', { name: 'Load again' }).first().click();
    await page.getByRole('progressbar').waitFor(ready);
    expect(complaints).toEqual([]);
  });
});

describe('its layout', () => {
  it.each([
    [360, 'light', 'ltr'],
    [360, 'dark', 'rtl'],
    [1280, 'light', 'rtl'],
    [1280, 'dark', 'ltr'],
  ] as const)('fits %i px in %s, %s, without scrolling sideways, and passes axe', async (width, colorScheme, dir) => {
    const html = pageWith('<outrider-chat></outrider-chat>', undefined, `lang="en" dir="${dir}"`);
    const url = site.addPage(html, policy);
    const { page, complaints } = await open(url, { viewport: { width, height: 740 }, colorScheme });
    await script(page, hostile);
    await ask(page, 'Show me everything');
    await shown(page, 'quoted').waitFor();
    await page.waitForFunction(() => document.querySelector('outrider-chat')!.state === 'ready');
    const [sideways, paper] = await chat(page).evaluate((element: OutriderChat) => {
      const log = element.shadowRoot!.querySelector('[part=log]')!;
      const boxes = [document.documentElement, log];
      const { backgroundColor } = getComputedStyle(element.shadowRoot!.querySelector('[part=chat]')!);
      return [boxes.some((box) => box.scrollWidth > box.clientWidth), Number(/\d+/.exec(backgroundColor)![0])];
    });
    expect([sideways, paper! > 127]).toEqual([false, colorScheme === 'light']);
    expect(await audit(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
