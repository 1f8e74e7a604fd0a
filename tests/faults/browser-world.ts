/** The browser's side of the fault runs: a ghost that answers, a site, and a Chromium whose storage lasts. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import { TINY } from '../../src/ghost/dims.ts';
import { type GhostServer, serveGhost } from '../../src/ghost/server.ts';
import { ghostSpec, withFiles } from '../../src/ghost/spec.ts';
import { devSiteUrl } from '../browser/serve.ts';

const MODEL = 'public/models/llama-scoutling';
const TEXTS = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'generation_config.json'];

/** About 100 MB, so that it has more parts than a browser has connections, and quick to compute with. */
export const SPEC = withFiles(
  ghostSpec('scout-w4a16', {
    dims: {
      ...TINY,
      hidden: 512,
      heads: 4,
      headDim: 128,
      intermediate: 1024,
      experts: 56,
      vocab: 4096,
      vision: undefined,
    },
    maxFileBytes: 40e6,
  }),
  Object.fromEntries(TEXTS.map((name) => [name, new Uint8Array(readFileSync(`${MODEL}/${name}`))])),
);

export const PART = 8 << 20;
/** Bytes of what a load reads. */
export const MODEL_BYTES = [...SPEC.files.values()].reduce((sum, { size }) => sum + size, 0);

export interface BrowserWorld {
  readonly server: GhostServer;
  readonly context: BrowserContext;
  /** To the browser, for what pages cannot do. */
  readonly cdp: CDPSession;
  /** Of the site. */
  readonly origin: string;
  openPage(): Promise<Page>;
  /** No model stored, nothing throttled, nobody there. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export async function createBrowserWorld(): Promise<BrowserWorld> {
  const profile = await mkdtemp(join(tmpdir(), 'outrider-faults-'));
  const [server, context] = await Promise.all([serveGhost({ spec: SPEC }), launch(profile)]);
  const { origin } = new URL(devSiteUrl);
  const idle = await context.newPage();
  const cdp = await context.newCDPSession(idle);
  return {
    server,
    context,
    cdp,
    origin,
    openPage: () => openPage(context),
    async reset() {
      await Promise.all(context.pages().map((page) => page !== idle && page.close()));
      // What is remembered of the adapter stays: measuring it anew takes seconds of every run.
      await cdp.send('Storage.clearDataForOrigin', { origin, storageTypes: 'file_systems' });
      server.setThrottle(undefined);
      server.setFaults(undefined);
      server.counters.clear();
    },
    async close() {
      await context.close();
      await server.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** With a profile on disk: without one the storage is a guest's, with a short quota. */
function launch(profile: string): Promise<BrowserContext> {
  const adapter = process.env.OUTRIDER_BROWSER_ADAPTER ?? 'swiftshader';
  return chromium.launchPersistentContext(profile, {
    executablePath: process.env.OUTRIDER_CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--enable-unsafe-webgpu', '--enable-unsafe-swiftshader', `--use-webgpu-adapter=${adapter}`],
  });
}

async function openPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${devSiteUrl}tests/faults/browser/index.html`);
  await page.waitForFunction(() => 'ask' in window);
  return page;
}
