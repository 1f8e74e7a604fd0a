/** Answers are untrusted text: their Markdown in a real DOM, with every request watched. */
import type { Browser, JSHandle, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MarkdownView } from '../../src/element/markdown/view.ts';
import { devSiteUrl, launchChromium } from './serve.ts';

let browser: Browser;
let page: Page;
let markdown: JSHandle<{ MarkdownView: typeof MarkdownView }>;
const requests: string[] = [];

beforeAll(async () => {
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(`${devSiteUrl}?model=/models/nothing`);
  await page.locator('#problem').waitFor();
  // As a string: Vitest would rewrite an import() in a function.
  markdown = await page.evaluateHandle("import('/src/element/markdown/view.ts')");
  await page.waitForLoadState('networkidle'); // the page itself still asks what is stored
  page.on('request', (request) => requests.push(request.url()));
});

beforeEach(() => {
  requests.length = 0;
});

afterAll(async () => {
  await browser?.close();
});

/** Streams `text` in pieces of `step` characters through the page's own view; returns the HTML that it ends with. */
function show(text: string, step = text.length): Promise<string> {
  return page.evaluate(
    async ([{ MarkdownView }, text, step]) => {
      const frame = document.createElement('div');
      document.querySelector('#shown')?.remove();
      frame.id = 'shown';
      document.body.append(frame);
      const view = new MarkdownView(frame);
      for (let end = step; end < text.length; end += step) view.update(text.slice(0, end));
      view.finish(text);
      await new Promise((resolve) => setTimeout(resolve, 50)); // time for a request that must not happen
      return frame.innerHTML;
    },
    [markdown, text, Math.max(1, step)] as const,
  );
}

describe('Markdown in an answer', () => {
  it.each([
    ['a remote image', '![pixel](https://example.com/p.png)'],
    ['a remote image by reference', '![pixel][p]\n\n[p]: https://example.com/p.png'],
    ['an image tag', '<img src="https://example.com/p.png" onerror="document.title=1">'],
    ['an inline image tag', 'look <img src=x onerror=alert(1)> here'],
    ['a script', '<script src="https://example.com/x.js"></script>'],
    ['a frame', '<iframe src="https://example.com"></iframe>'],
    ['a style', '<style>@import url(https://example.com/x.css)</style><p style="background:url(https://example.com)">'],
    ['a picture in a link', '[![pixel](https://example.com/p.png)](https://example.com)'],
    ['an SVG', '<svg><image href="https://example.com/p.png"/><script>alert(1)</script></svg>'],
    ['an image whose address breaks out', '![a](https://example.com/"onload="alert(1))'],
    ['a style in a code fence', '```" style="color:red" onclick="alert(1)\na\n```'],
    ['an entity that hides a script', '&lt;img src=x onerror=alert(1)&gt; [a](&#106;avascript:alert(1))'],
    ['quotes without end', '>'.repeat(20_000)],
    ['emphasis without end', '**_'.repeat(100)],
  ])('makes no request and runs nothing: %s', async (_, text) => {
    await show(text, text.length > 1000 ? 5000 : 3);
    const found = await page.evaluate(() => {
      const active = 'img, script, iframe, style, svg, link, object, embed, form, input, video, audio';
      const shown = document.querySelector('#shown')!;
      const attributes = [...shown.querySelectorAll('*')].flatMap((element) => element.getAttributeNames());
      return [shown.querySelectorAll(active).length, attributes.filter((name) => /^(on|style|src|data-)/.test(name))];
    });
    expect(found).toEqual([0, []]);
    expect(requests).toEqual([]);
  });

  it('fetches a picture when its button is pressed, and not before', async () => {
    const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    await page.route('https://pictures.test/p.png', (route) =>
      route.fulfill({
        contentType: 'image/png',
        headers: { 'access-control-allow-origin': '*' },
        body: Buffer.from(pixel, 'base64'),
      }),
    );
    await show('![A pixel](https://pictures.test/p.png)');
    expect(requests).toEqual([]);
    await page.click('#shown .remote-image');
    await page.waitForFunction(() => document.querySelector<HTMLImageElement>('#shown img')?.naturalWidth === 1);
  });

  it('opens web links elsewhere without a referrer, and drops every other kind', async () => {
    const html = await show(
      '[a](https://example.com) [b](javascript:alert(1)) [c](/here) [d](data:text/html,x) [e](java&#10;script:alert(1))',
    );
    expect(html).toContain('<a href="https://example.com" target="_blank" rel="noreferrer noopener">a</a>');
    expect(html.match(/href=/g)).toHaveLength(1);
  });

  it('ends the same, however the text was cut while it streamed', async () => {
    const text = [
      '# A title\n\nSome *text* with `code`, [a link][later] and\na second line.\n',
      '1. one\n2. two\n   - inner\n\n   still two\n\n3. three\n',
      '```js\nconst a = "<b>";\n\n// not a paragraph\n```\n',
      '| a | b |\n|---|--:|\n| 1 | 2 |\n',
      '> quoted\n> more\n\nSetext\n===\n\n- [x] done\n- [ ] open\n\n[later]: https://example.com\n',
    ].join('\n');
    const whole = await show(text);
    expect(whole).toContain('<a href="https://example.com"');
    for (const step of [1, 2, 7, 31]) expect(await show(text, step)).toBe(whole);
  });

  it('shows character references as characters, and code as it was written', async () => {
    const html = await show('&copy; &amp;amp; &#x2192; &unknown; `&copy;` \\&lt;');
    expect(html).toBe('<p>© &amp;amp; → &amp;unknown; <code>&amp;copy;</code> &amp;lt;</p>');
  });

  it('aligns the columns of a table without a style', async () => {
    const html = await show('| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |');
    expect(html.match(/<td class="[^"]*"/g)).toEqual(
      ['left', 'center', 'right'].map((side) => `<td class="align-${side}"`),
    );
    expect(html).not.toContain('style');
  });

  it('colours a code block once, when it is complete, and leaves it plain where that fails', async () => {
    const text = ['```js\nlet a;\n```', '```py\nb\n```', '```\nc\n```', 'end'].join('\n\n');
    const [html, asked] = await markdown.evaluate(async ({ MarkdownView }, text) => {
      const asked: string[] = [];
      const highlight = (code: string, language: string) => {
        asked.push(`${language}: ${code}`);
        if (language === '') return undefined;
        if (language === 'py') return Promise.reject(new Error('no such chunk'));
        const mark = document.createElement('mark');
        mark.textContent = code;
        return Promise.resolve(mark);
      };
      const frame = document.createElement('div');
      const view = new MarkdownView(frame, { highlight });
      for (let end = 1; end <= text.length; end++) view.update(text.slice(0, end));
      view.finish(text);
      await new Promise((resolve) => setTimeout(resolve));
      return [[...frame.querySelectorAll('code')].map((code) => code.innerHTML), asked] as const;
    }, text);
    expect(asked).toEqual(['js: let a;', 'py: b', ': c']);
    expect(html).toEqual(['<mark>let a;</mark>', 'b', 'c']);
  });

  it('leaves the nodes of finished blocks alone while more text arrives', async () => {
    const kept = await markdown.evaluate(({ MarkdownView }) => {
      const frame = document.createElement('div');
      const view = new MarkdownView(frame);
      view.update('first\n\nsecond');
      const first = frame.firstElementChild;
      view.update('first\n\nsecond and more\n\nthird');
      view.finish('first\n\nsecond and more\n\nthird.');
      return frame.firstElementChild === first && frame.childElementCount;
    });
    expect(kept).toBe(3);
  });
});
