/** The bench's page is a source of the checkout, served as `npm start` serves the others while developing. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OutriderError } from '../../errors.ts';

/** The checkout's root. Throws `invalid_request` outside of one. */
export function findCheckout(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'vite.config.ts'))) return folder;
    if (folder === dirname(folder)) break;
  }
  throw new OutriderError('invalid_request', `bench-load runs in a checkout of Outrider; ${here} is in none.`);
}

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

export async function servePage(root: string): Promise<PageServer> {
  const { createServer } = await import('vite');
  const server = await createServer({
    root,
    configFile: join(root, 'vite.config.ts'),
    cacheDir: 'node_modules/.vite-bench-load', // a dev server that runs beside this one keeps its own
    logLevel: 'error',
    optimizeDeps: { include: ['hash-wasm'] }, // found in the middle of a run, it would make Vite start over
    server: { port: 0, hmr: false, watch: null },
  });
  await server.listen();
  return {
    url: new URL('src/cli/bench-load/page/index.html', server.resolvedUrls!.local[0]).href,
    close: () => server.close(),
  };
}
