/** The benches' pages are sources of the checkout, served as `npm start` serves the others while developing. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InlineConfig } from 'vite';
import { OutriderError } from '../../errors.ts';

/** The checkout's root. Throws `invalid_request` outside of one. */
export function findCheckout(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'vite.config.ts'))) return folder;
    if (folder === dirname(folder)) break;
  }
  throw new OutriderError('invalid_request', `This command runs in a checkout of Outrider; ${here} is in none.`);
}

export interface SourceServer {
  /** Ends in a slash. */
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * @param root of the checkout
 * @param name of whoever serves: a dev server that runs beside this one keeps a cache of its own
 * @param more what Vite is told beside that
 */
export async function serveSources(
  root: string,
  name: string,
  more: Pick<InlineConfig, 'plugins' | 'server'> = {},
): Promise<SourceServer> {
  const { createServer } = await import('vite');
  const server = await createServer({
    root,
    configFile: join(root, 'vite.config.ts'),
    cacheDir: `node_modules/.vite-${name}`,
    logLevel: 'error',
    ...more,
    server: { port: 0, hmr: false, watch: null, ...more.server },
  });
  await server.listen();
  return { origin: server.resolvedUrls!.local[0]!, close: () => server.close() };
}

/** Makes a page's clock fine, and allows it threads of WebAssembly: it is isolated from other origins. */
export const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
} as const;
