/** The page that shows the element on a plain page. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, type Site, serveSite } from './serve.ts';

const axe = readFileSync(fileURLToPath(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url)), 'utf8');

let site: Site;
let browser: Browser;

beforeAll(async () => {
  [site, browser] = await Promise.all([serveSite(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
});

describe('the embed page', () => {
  it.each([
    [360, 'light'],
    [1280, 'dark'],
  ] as const)('fits %i px in %s, loads no model by itself, and nothing is blocked', async (width, colorScheme) => {
    const page = await browser.newPage({ viewport: { width, height: 740 }, colorScheme });
    const errors: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(`${site.url}embed/`);
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    expect(requests.filter((url) => url.includes('/models/'))).toEqual([]);
    expect(errors).toEqual([]);
    await page.close();
  });

  it('passes axe', async () => {
    // The page's policy has no eval, which bringing axe into it takes.
    const page = await browser.newPage({ bypassCSP: true });
    await page.goto(`${site.url}embed/`);
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
    await page.addScriptTag({ content: axe });
    const violations = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: typeof import('axe-core') };
      return (await axe.run({ preload: false })).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
    });
    expect(violations).toEqual([]);
    await page.close();
  });
});
