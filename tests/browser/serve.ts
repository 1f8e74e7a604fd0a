/** The site as `npm start` serves it while developing, on a port of its own, and a Chromium to look at it with. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A name that leads to the server but that browsers do not count as a secure origin. */
export const insecureHost = 'insecure.test';

export interface Site {
  /** Ends in a slash. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts Vite from vite.config.ts.
 * @param packages that only pages of tests use: found while such a page loads, they would make it load again
 */
export async function serveSite(packages: readonly string[] = []): Promise<Site> {
  const server = await createServer({
    root,
    configFile: `${root}vite.config.ts`,
    // A dev server that runs beside the tests keeps its own.
    cacheDir: `node_modules/.vite-browser-tests${packages.length > 0 ? '-packages' : ''}`,
    optimizeDeps: { include: [...packages] },
    logLevel: 'error',
    server: { port: 0, hmr: false, watch: null, allowedHosts: [insecureHost] },
  });
  await server.listen();
  return { url: server.resolvedUrls!.local[0]!, close: () => server.close() };
}

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
