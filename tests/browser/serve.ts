/** The site as `npm start` serves it, and as `npm run dev` does, with a Chromium to look at them. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { type Plugin, preview } from 'vite';
import { inject } from 'vitest';
import type {} from '../setup/sites.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A name that leads to the server but that browsers do not count as a secure origin. */
export const insecureHost = 'insecure.test';

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

/** For a Chromium without WebGPU, in workers too. */
export const NO_ADAPTER = 'none';

/** Starts Chromium, on a GPU where `OUTRIDER_BROWSER_ADAPTER` names one and else on SwiftShader, which is everywhere the same. */
export function launchChromium(adapter = process.env.OUTRIDER_BROWSER_ADAPTER ?? 'swiftshader'): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.OUTRIDER_CHROMIUM || '/usr/bin/chromium',
    args: [
      '--no-sandbox', // Chromium refuses to start as root with one
      ...(adapter === NO_ADAPTER
        ? ['--disable-features=WebGPU', '--disable-gpu']
        : ['--enable-unsafe-webgpu', '--enable-unsafe-swiftshader', `--use-webgpu-adapter=${adapter}`]),
      `--host-resolver-rules=MAP ${insecureHost} 127.0.0.1`,
    ],
  });
}

/** A JSON file of the project, by its path from the root; undefined where it is absent. */
export function readProjectJson(path: string): unknown {
  const file = `${root}${path}`;
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}
