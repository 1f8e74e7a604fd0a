/** The cache in a real browser: OPFS in a profile that lasts, Web Locks between tabs, the hash worker. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Answer, Request } from './cache/worker.ts';
import { devSiteUrl } from './serve.ts';

const PART_BYTES = 8 << 20;
const SIZE = 6 * PART_BYTES + 12345;
const PARALLEL = 6;
const bytes = Buffer.alloc(SIZE);
for (let i = 0; i < SIZE / 4 - 1; i++) bytes.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, 4 * i);
const hash = createHash('sha256').update(bytes).digest('hex');

let server: Server;
let context: BrowserContext;
let profile: string;
let url: string;
let sent: string[] = [];
/** Milliseconds before each part is sent. */
let delay = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', 'range');
    if (request.method === 'OPTIONS') return response.end();
    if (request.url === '/facts') return response.end(JSON.stringify({ size: SIZE, version: 'v1', sha256: hash }));
    const [, start, end] = /bytes=(\d+)-(\d+)/.exec(request.headers.range!)!.map(Number);
    sent.push(request.headers.range!);
    response.statusCode = 206;
    setTimeout(() => response.end(bytes.subarray(start!, end! + 1)), delay * sent.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  profile = await mkdtemp(join(tmpdir(), 'outrider-cache-'));
  // A profile of its own on disk: Playwright's default one is incognito, with a short and wrongly reported quota.
  context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.OUTRIDER_CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterAll(async () => {
  await context?.close();
  server?.close();
  await rm(profile, { recursive: true, force: true });
});

beforeEach(() => {
  sent = [];
  delay = 0;
});

async function openPage(): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${devSiteUrl}tests/browser/cache/index.html`);
  await page.waitForFunction(() => 'run' in window);
  return page;
}

const run = (page: Page, request: Request): Promise<Answer> => page.evaluate((one) => window.run(one), request);
const load = (page: Page): Promise<Answer> => run(page, { do: 'load', url });
const equal = { result: { hash }, notices: [] };

describe('a model in the browser', () => {
  it('goes on where a closed page stopped, and asks for nothing once it is complete', async () => {
    delay = 60;
    const closing = await openPage();
    const lost = load(closing).catch(() => 'closed');
    await closing.waitForFunction((enough) => window.loadedBytes >= enough, 2 * PART_BYTES);
    await closing.close();
    await lost;
    delay = 0;
    const page = await openPage();
    expect(await load(page)).toMatchObject(equal);
    expect(sent.length).toBeLessThanOrEqual(7 + PARALLEL);
    expect(new Set(sent).size).toBe(7);
    sent = [];
    expect(await load(page)).toMatchObject(equal);
    expect(sent).toEqual([]);
    await page.close();
  });

  it('is listed, found damaged, repaired by the next load, and deleted', async () => {
    const page = await openPage();
    expect(await run(page, { do: 'list', url })).toMatchObject({
      result: [{ id: url, complete: true, storedBytes: SIZE }],
    });
    await run(page, { do: 'damage', url });
    expect(await run(page, { do: 'verify', url })).toMatchObject({ result: { bad: [{ parts: [1] }] } });
    expect(await load(page)).toMatchObject(equal);
    expect(sent).toEqual([`bytes=${PART_BYTES}-${2 * PART_BYTES - 1}`]);
    expect((await run(page, { do: 'delete', url })).result).toBeGreaterThan(SIZE);
    expect(await run(page, { do: 'list', url })).toMatchObject({ result: [] });
    expect(await page.evaluate(() => window.persist())).toMatch(/^(granted|refused|unanswered)$/);
    await page.close();
  });

  it('is downloaded once by two tabs, cannot be deleted meanwhile, and is taken over when one closes', async () => {
    delay = 40;
    const [first, second, third] = [await openPage(), await openPage(), await openPage()];
    const dying = load(first).catch(() => 'closed');
    await first.waitForFunction((enough) => window.loadedBytes >= enough, PART_BYTES);
    const others = [load(second), load(third)];
    await second.waitForTimeout(100);
    expect((await run(third, { do: 'delete', url })).error).toContain('model_in_use');
    await first.close();
    await dying;
    for (const other of others) expect(await other).toMatchObject(equal);
    expect(new Set(sent).size).toBe(7);
    expect(sent.length).toBeLessThanOrEqual(7 + PARALLEL);
    await Promise.all([second.close(), third.close()]);
  });
});
