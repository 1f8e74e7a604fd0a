/** The bench in a page of headless Chromium, on the machine's GPU or on Chromium's software adapter. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BenchResults } from '../../bench/results.ts';
import { type ErrorCode, OutriderError } from '../../errors.ts';
import { findCheckout, ISOLATION, serveSources } from '../browser/checkout.ts';
import { findChromium, withChromium } from '../browser/chromium.ts';
import type { PageAnswer } from './page/page.ts';
import type { RunSettings, Say } from './settings.ts';

/** @param adapter `default`: the machine's GPU where Chromium supports it, else its software adapter; or `swiftshader` */
export async function benchInChromium(settings: RunSettings, adapter: string, say: Say): Promise<BenchResults> {
  const executable = findChromium('use --where node');
  const server = await serveBench(settings.model);
  try {
    return await withChromium({ executable, adapter }, async (chromium) => {
      const page = await chromium.open(server.url, "'askBench' in window");
      await chromium.evaluate(page, `startBench(${JSON.stringify({ ...settings, model: server.model })})`);
      for (;;) {
        const answer = await chromium.evaluate<PageAnswer>(page, 'askBench()');
        if (answer.kind === 'done') return answer.results;
        if (answer.kind === 'failed') throw failure(answer.message, answer.code);
        const { phase, text, done } = answer.progress;
        say(`${Math.round(done * 100)} %  ${phase}: ${text}`);
      }
    });
  } finally {
    await server.close();
  }
}

function failure(message: string, code: string | undefined): Error {
  return code === undefined ? new Error(message) : new OutriderError(code as ErrorCode, message);
}

interface Served {
  readonly url: string;
  /** Where the page finds the model. */
  readonly model: string | undefined;
  close(): Promise<void>;
}

/** The page from this checkout's sources, isolated so that its clock is fine; beside it, a model that is a folder here. */
async function serveBench(model: string | undefined): Promise<Served> {
  const root = findCheckout();
  const folder = model !== undefined && existsSync(model) ? resolve(model) : undefined;
  const { origin, close } = await serveSources(root, 'bench', {
    server: { fs: { allow: folder ? [root, folder] : [root] }, headers: ISOLATION },
  });
  return {
    url: new URL('src/cli/bench/page/index.html', origin).href,
    model: folder ? new URL(`/@fs${folder}/`, origin).href : model,
    close,
  };
}
