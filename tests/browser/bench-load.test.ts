/** Every stage of `bench-load` in a real Chromium, over a ghost of a megabyte: what is moved, not how fast. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PAGE, runInChromium } from '../../src/cli/bench-load/chromium.ts';
import { listFiles } from '../../src/cli/bench-load/ghost.ts';
import { STAGES, type Stage, type StageRequest, type StageResult } from '../../src/cli/bench-load/types.ts';
import { type SourceServer, serveSources } from '../../src/cli/browser/checkout.ts';
import { TINY } from '../../src/ghost/dims.ts';
import { type GhostServer, serveGhost } from '../../src/ghost/server.ts';
import { ghostSpec } from '../../src/ghost/spec.ts';

const spec = ghostSpec('scout-w4a16', { dims: { ...TINY, vision: undefined } });
const files = listFiles(spec);
let ghost: GhostServer;
let page: SourceServer;

beforeAll(async () => {
  [ghost, page] = await Promise.all([
    serveGhost({ spec }),
    serveSources(fileURLToPath(new URL('../../', import.meta.url)), 'bench-load'),
  ]);
});
afterAll(async () => {
  await Promise.all([ghost?.close(), page?.close()]);
});

const run = async (stage: Stage, listed: StageRequest['files'] = files): Promise<StageResult> =>
  runInChromium(
    { stage, url: ghost.url, files: listed },
    {
      executable: process.env.OUTRIDER_CHROMIUM || '/usr/bin/chromium',
      adapter: process.env.OUTRIDER_BROWSER_ADAPTER ?? 'swiftshader',
      pageUrl: new URL(PAGE, page.origin).href,
      ghostPid: process.pid,
    },
  );

it.each(STAGES)('%s goes through all of it, in heaps and processes that are looked at', async (stage) => {
  const { bytes, gpuBytes, memory } = await run(stage);
  expect(bytes / spec.tensorBytes).toBeCloseTo(1, 1);
  expect(gpuBytes > 0).toBe(['upload', 'gpu', 'all', 'throttled'].includes(stage));
  expect(memory.samples).toBeGreaterThan(0);
  expect(memory.rss).toBeGreaterThan(100e6);
});

it('a load of files whose hashes are wrong does not count', async () => {
  const wrong = files.map((file) => ({ ...file, sha256: '0'.repeat(64) }));
  await expect(run('all', wrong)).rejects.toThrow(/SHA-256/);
});
