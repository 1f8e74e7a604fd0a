/** The site as `npm start` serves it, and as `npm run dev` does, with a Chromium to look at them. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core';
import { type Plugin, preview } from 'vite';
import { inject } from 'vitest';
import { insecureHost } from '../setup/chromium.ts';
import { rememberChoices } from '../setup/kernel-choices.ts';
import type {} from '../setup/sites.ts';

export { launchChromium, NO_ADAPTER } from '../setup/chromium.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Of the server that all files share, for pages of tests and modules of src/. Ends in a slash. */
export const devSiteUrl = inject('devSiteUrl');

export interface Site {
  /** Ends in a slash. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the built site on a port of its own: an origin with nothing stored. */
export async function serveSite(): Promise<Site> {
  const server = await preview({
    root,
    mode: 'site',
    logLevel: 'error',
    plugins: [withoutOffline],
    build: { outDir: inject('builtSite') },
    preview: { port: 0, allowedHosts: [insecureHost] },
  });
  return { url: server.resolvedUrls!.local[0]!, close: () => server.close() };
}

/** The service worker answers in place of a network that tests watch and break; chat-offline.test.ts has the real one. */
const withoutOffline: Plugin = {
  name: 'outrider:without-offline',
  configurePreviewServer({ middlewares }) {
    middlewares.use('/service-worker.js', (_request, response) => {
      response.setHeader('content-type', 'text/javascript');
      response.end();
    });
  },
};

/** A profile of its own that knows the choice of kernels, for all who do not look at how it is made. */
export async function openContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  await rememberChoices(context, inject('kernelChoices'));
  return context;
}

/** A JSON file of the project, by its path from the root; undefined where it is absent. */
export function readProjectJson(path: string): unknown {
  const file = `${root}${path}`;
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}
