/** For all files of the browser lane together: the built site, and a dev server, which transforms no module twice. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer, preview } from 'vite';
import type { TestProject } from 'vitest/node';
import { ensureBuilt } from '../../src/build/fresh.mjs';
import { launchChromium } from './chromium.ts';
import { type KernelChoices, makeChoices } from './kernel-choices.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Ends in a slash. */
    devSiteUrl: string;
    /** A copy of dist/site: that may be built again while tests are served from it. */
    builtSite: string;
    /** Of the embedded model, on the dev server and on the built site. */
    kernelChoices: KernelChoices;
  }
}

const root = fileURLToPath(new URL('../../', import.meta.url));
/** What only pages of tests use: found while such a page loads, it would make every page load again. */
const packages = ['openai', 'ai', '@ai-sdk/openai-compatible'];

export default async function prepareSites({ provide }: TestProject): Promise<() => Promise<void>> {
  await ensureBuilt('site');
  const builtSite = await mkdtemp(join(tmpdir(), 'outrider-site-'));
  await cp(join(root, 'dist/site'), builtSite, { recursive: true });
  provide('builtSite', builtSite);
  const server = await createServer({
    root,
    configFile: `${root}vite.config.ts`,
    cacheDir: 'node_modules/.vite-browser-tests', // a dev server that runs beside the tests keeps its own
    optimizeDeps: { include: packages },
    logLevel: 'error',
    server: { port: 0, hmr: false, watch: null },
  });
  await server.listen();
  const devSiteUrl = server.resolvedUrls!.local[0]!;
  provide('devSiteUrl', devSiteUrl);
  provide('kernelChoices', await choose(devSiteUrl, builtSite));
  return async () => {
    await server.close();
    await rm(builtSite, { recursive: true });
  };
}

async function choose(devSiteUrl: string, outDir: string): Promise<KernelChoices> {
  const server = await preview({ root, mode: 'site', logLevel: 'error', build: { outDir }, preview: { port: 0 } });
  const browser = await launchChromium();
  try {
    return await makeChoices(browser, devSiteUrl, server.resolvedUrls!.local[0]!);
  } finally {
    await browser.close();
    await server.close();
  }
}
