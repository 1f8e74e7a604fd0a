/** The benchmark page in headless Chromium: its states with a worker that plays a fixture, and one real quick run. */
import { readFileSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BenchResults } from '../../src/bench/results.ts';
import type { WireEvent } from '../../src/pages/bench/run/protocol.ts';
import { checkResults } from '../../src/pages/bench/schema.ts';
import { launchChromium, openContext, type Site, serveSite } from './serve.ts';

const fixtureText = readFileSync('tests/fixtures/bench/results.json', 'utf8');
const fixture = JSON.parse(fixtureText) as BenchResults;
const soon = { timeout: 30_000 };

let site: Site;
let browser: Browser;

beforeAll(async () => {
  [site, browser] = await Promise.all([serveSite(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
});

interface Opened {
  readonly page: Page;
  readonly complaints: string[];
}

/** @param runs that the browser has kept, newest first */
async function openPage(options: BrowserContextOptions = {}, runs: readonly BenchResults[] = []): Promise<Opened> {
  const context = await openContext(browser, { viewport: { width: 1280, height: 800 }, ...options });
  if (runs.length > 0) {
    await context.addInitScript((stored) => {
      if (!localStorage.getItem('outrider.bench')) localStorage.setItem('outrider.bench', stored);
    }, JSON.stringify(runs));
  }
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, complaints };
}

/** Instead of measuring, the workers say this, a little at a time: the first the first script, and so on; then nothing. */
async function play(page: Page, ...scripts: (readonly WireEvent[])[]): Promise<void> {
  await page.addInitScript((given) => {
    const scripts = given.map((events) => [...events]);
    const Real = window.Worker;
    class Player extends EventTarget {
      readonly #timer: ReturnType<typeof setInterval>;
      constructor() {
        super();
        const rest = scripts.shift() ?? [];
        this.#timer = setInterval(() => {
          const data = rest.shift();
          if (data) this.dispatchEvent(new MessageEvent('message', { data }));
        }, 20);
      }
      postMessage() {}
      terminate() {
        clearInterval(this.#timer);
      }
    }
    const choose = (url: string | URL, options?: WorkerOptions) =>
      options?.name === 'outrider bench' ? new Player() : new Real(url, options);
    Object.defineProperty(window, 'Worker', {
      value: function Worker(url: string | URL, options?: WorkerOptions) {
        return choose(url, options);
      },
    });
  }, scripts);
}

/** The fixture as it would come in, up to its kernels. */
const { version, date, outrider, userAgent, adapter, limits, variants, roofline, kernels } = fixture;
const beginning: readonly WireEvent[] = [
  { kind: 'progress', progress: { phase: 'start', text: 'asking for an adapter', done: 0 } },
  {
    kind: 'results',
    results: { version, date, outrider, userAgent, adapter: { ...adapter, software: true }, limits, variants },
  },
  { kind: 'progress', progress: { phase: 'kernels', text: 'matvec-int4: Scout q_proj', done: 0.25 } },
  {
    kind: 'results',
    results: { version, date, outrider, userAgent, adapter, limits, variants, roofline, kernels: kernels.slice(0, 3) },
  },
];
const { model: _, ...kernelsOnly } = fixture;
const whole: readonly WireEvent[] = [...beginning, { kind: 'done', results: { ...kernelsOnly, model: undefined } }];
const failing = (code: 'device_lost' | 'gpu_out_of_memory'): WireEvent => ({
  kind: 'failed',
  error: { kind: 'outrider', error: { code, message: 'found 1, needed 2', details: {} }, stack: undefined },
});

async function runKernelsOnly(page: Page): Promise<void> {
  await page.goto(`${site.url}bench/`);
  await page.selectOption('#model', '');
  await page.click('#start');
}

const numRows = (page: Page, table: string) => page.locator(`[data-table=${table}] tbody tr`).count();

describe('a run', () => {
  let opened: Opened;

  beforeAll(async () => {
    opened = await openPage({ permissions: ['clipboard-read', 'clipboard-write'] }, []);
    await play(opened.page, whole);
    await runKernelsOnly(opened.page);
    await opened.page.locator('#run-text', { hasText: 'Done.' }).waitFor(soon);
  });
  afterAll(() => opened?.page.context().close());

  it('shows every part that there is, and no other', async () => {
    const { page } = opened;
    expect(await numRows(page, 'kernels')).toBe(kernels.length);
    const shown = await page.locator('main section:visible h2').allTextContents();
    expect(shown).toEqual([
      'This run',
      'Roofs',
      'Roofline',
      'Kernels',
      'Full Scout on this GPU, estimated',
      'Layers of Scout’s own size',
      'Cost against the position in the context',
    ]);
    expect(await page.locator('.headlines .waiting').count()).toBe(3); // prefill, decode, longest frame
  });

  it('walks through the points of the roofline by keyboard and by pointer', async () => {
    const { page } = opened;
    await page.focus('#roofline-plot');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    const last = kernels.length - 1;
    expect(await page.textContent('#roofline-readout')).toMatch(
      new RegExp(`^${last}\\. ${kernels[last - 1]!.kernel}: `),
    );
    const met = await page.locator('#roofline-plot').evaluate((plot) => {
      const { left, top, width, height } = plot.getBoundingClientRect();
      const readouts = new Set<string>();
      for (let x = 0; x < width; x += 4) {
        for (let y = 0; y < height; y += 4) {
          plot.dispatchEvent(new PointerEvent('pointermove', { clientX: left + x, clientY: top + y }));
          readouts.add(document.querySelector('#roofline-readout')!.textContent!);
        }
      }
      return [...readouts];
    });
    expect(met.length).toBe(kernels.length);
    expect(met).toContainEqual(expect.stringMatching(/^3\. matvec-float: Scout k_proj.*of what memory allows$/));
  });

  it('is copied as JSON that can be compared with, and as Markdown', async () => {
    const { page } = opened;
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    await page.getByRole('button', { name: 'Copy as Markdown' }).click();
    await page.getByText('Copied').waitFor();
    expect(await clipboard()).toContain('| 2 | Scout q_proj (matvec-int4, subgroups) |');
    await page.getByRole('button', { name: 'Copy as JSON' }).click();
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith('{'));
    const copied = JSON.parse(await clipboard()) as BenchResults;
    expect(copied.kernels).toEqual(kernels);
  });

  it('is kept: after a reload it is there, and the next run is compared with it', async () => {
    const { page } = opened;
    await page.reload();
    await page.locator('#about-run', { hasText: 'Measured 21 Nov 2026' }).waitFor(soon);
    expect(await numRows(page, 'kernels')).toBe(kernels.length);
  });

  it('leaves the console clean: nothing blocked by the policy, nothing uncaught', () => {
    expect(opened.complaints).toEqual([]);
  });
});

describe('a comparison', () => {
  let page: Page;
  const paste = async (text: string) => {
    await page.selectOption('#compare', 'paste');
    await page.fill('#paste-text', text);
    await page.click('#paste-form .primary');
  };

  beforeAll(async () => {
    const slower = { ...fixture, date: '2026-11-20T08:00:00.000Z', adapter: { ...adapter, description: 'Slow GPU' } };
    const kernels = fixture.kernels.map((kernel) => ({ ...kernel, seconds: 2 * kernel.seconds }));
    ({ page } = await openPage({}, [fixture, { ...slower, kernels }]));
    await page.goto(`${site.url}bench/`);
  });
  afterAll(() => page?.context().close());

  it('with an earlier run shows factors', async () => {
    await page.selectOption('#compare', '0');
    const ratios = await page.locator('[data-table=kernels] .ratio').allTextContents();
    expect(new Set(ratios)).toEqual(new Set(['2.00×']));
    expect(await page.textContent('#compared')).toContain('Slow GPU');
  });

  it('refuses what is no result, keeps what was typed, and says what to do', async () => {
    await paste('{"version": 99}');
    expect(await page.textContent('#paste-problem')).toContain('has version 99');
    expect(await page.inputValue('#paste-text')).toBe('{"version": 99}');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('paste-text');
    await page.keyboard.press('Escape');
    expect(await page.textContent('#compared')).toContain('Slow GPU'); // nothing has changed
  });

  it('takes another machine’s result', async () => {
    const description = 'Another machine’s GPU';
    await paste(JSON.stringify({ ...fixture, date: '2026-11-19T08:00:00.000Z', adapter: { ...adapter, description } }));
    expect(await page.textContent('#compared')).toContain(description);
    expect(await page.locator('#compare option:checked').textContent()).toContain('(pasted)');
  });

  it('forgets earlier runs when asked, not the one on the page', async () => {
    await page.click('#forget');
    expect(await page.locator('#compare option').allTextContents()).not.toContainEqual(expect.stringContaining('Slow'));
    expect(await numRows(page, 'kernels')).toBe(kernels.length);
    expect(await page.evaluate(() => localStorage.getItem('outrider.bench'))).toBeNull();
  });
});

describe('a run that does not come to its end', () => {
  it('stops when asked, keeps on the page what there is, and can start again', async () => {
    const { page } = await openPage();
    await play(page, beginning, whole);
    await runKernelsOnly(page);
    await page.locator('#run-text', { hasText: '25 % · Measuring kernels: matvec-int4: Scout q_proj' }).waitFor(soon);
    await page.locator('[data-table=kernels] tr').nth(3).waitFor(soon);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('stop');
    await page.keyboard.press('Enter');
    await page.locator('#run-text', { hasText: 'Stopped.' }).waitFor(soon);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('start');
    expect(await numRows(page, 'kernels')).toBe(3);
    expect(await page.isVisible('#exports')).toBe(false);
    await page.keyboard.press('Enter');
    await page.locator('#run-text', { hasText: 'Done.' }).waitFor(soon);
    expect(await numRows(page, 'kernels')).toBe(kernels.length);
    await page.context().close();
  });

  it.each([
    ['device_lost', 'The GPU went away'],
    ['gpu_out_of_memory', 'The GPU has no room for this'],
  ] as const)('because of %s says what to do, and keeps what was measured', async (code, title) => {
    const { page } = await openPage();
    await play(page, [...beginning, failing(code)]);
    await runKernelsOnly(page);
    await page.locator('#problem-title', { hasText: title }).waitFor(soon);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('problem-title');
    expect(await numRows(page, 'kernels')).toBe(3);
    await page.click('#problem-retry');
    await page.locator('#problem').waitFor({ state: 'hidden' });
    await page.context().close();
  });

  it('cannot start without WebGPU', async () => {
    const { page } = await openPage();
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined }));
    await runKernelsOnly(page);
    await page.locator('#problem-title', { hasText: 'This browser has no WebGPU' }).waitFor(soon);
    await page.context().close();
  });

  it('warns when the tab went out of view', async () => {
    const { page } = await openPage();
    await play(page, whole);
    await page.addInitScript(() => {
      let hidden = false;
      Object.defineProperty(document, 'hidden', { get: () => hidden });
      addEventListener('submit', () => {
        hidden = true;
        setTimeout(() => document.dispatchEvent(new Event('visibilitychange')), 10);
      });
    });
    await runKernelsOnly(page);
    await page.locator('#run-text', { hasText: 'Done.' }).waitFor(soon);
    expect(await page.locator('#warnings li').allTextContents()).toContainEqual(expect.stringContaining('out of view'));
    await page.context().close();
  });
});

describe('a quick run on the embedded model, measured', () => {
  it('measures everything, finds everything right, and can be read back', { timeout: 400_000 }, async () => {
    const { page, complaints } = await openPage();
    await page.goto(`${site.url}bench/`);
    await page.selectOption('#extent', 'quick');
    await page.click('#start');
    await page.locator('#run-text', { hasText: /Done\.|failed/ }).waitFor({ timeout: 390_000 });
    expect(await page.locator('#problem-details').textContent()).toBe('');
    const [run] = await page.evaluate(() => JSON.parse(localStorage.getItem('outrider.bench') ?? '[]') as unknown[]);
    const { adapter, kernels, model, scout } = checkResults(run);
    expect(kernels.filter(({ correct }) => !correct)).toEqual([]);
    expect(model).toMatchObject({ name: 'llama-scoutling', correct: true });
    expect([model!.prefill.length, model!.decode.length, model!.step!.ops.length].every((count) => count > 0)).toBe(
      true,
    );
    expect(model!.answer).toMatchObject({ tokens: 32, longestFrameSeconds: expect.any(Number) });
    expect(scout!.formula.length).toBeGreaterThan(0);
    expect(await page.locator('.headlines .waiting').count()).toBe(0);
    expect(await page.isVisible('#adapter-badge')).toBe(adapter.software);
    expect(await page.textContent('#answer-text')).toMatch(/^Once upon a time/);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

describe('the page', () => {
  it.each([
    [360, 'light'],
    [360, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)('fits %i px without scrolling sideways, in %s', async (width, colorScheme) => {
    const other = { ...fixture, date: '2026-11-20T08:00:00.000Z' };
    const { page, complaints } = await openPage({ viewport: { width, height: 740 }, colorScheme }, [fixture, other]);
    await page.goto(`${site.url}bench/`);
    await page.selectOption('#compare', '0');
    await page.locator('#roofline-plot canvas').waitFor(soon);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(Number(/\d+/.exec(paper)![0]) > 127).toBe(colorScheme === 'light');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('is reached from the chat page, and leads back', async () => {
    const { page } = await openPage();
    await page.goto(`${site.url}?model=/models/nothing`);
    await page.getByRole('link', { name: 'Benchmark' }).click();
    await page.getByRole('heading', { name: 'Benchmark', level: 1 }).waitFor(soon);
    await page.getByRole('link', { name: 'Chat' }).click();
    await page.locator('#composer').waitFor(soon);
    await page.context().close();
  });
});
