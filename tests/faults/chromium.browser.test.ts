/** Seeded fault runs in a real browser: OPFS, workers, tabs, a network that goes, and an engine that must answer the same. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generator } from '../../src/ghost/tiles.ts';
import { cleanAnswer, runInBrowser } from './browser-run.ts';
import { type BrowserWorld, createBrowserWorld } from './browser-world.ts';
import { deviationsOf, formatTable, type Result } from './report.ts';
import { FAULT_SEED, numBrowserRounds } from './settings.ts';
import { BROWSER_ROWS } from './table.ts';

let world: BrowserWorld;
let expected: string;
const results: Result[] = [];

beforeAll(async () => {
  world = await createBrowserWorld();
  expected = await cleanAnswer(world);
});

afterAll(async () => {
  await world?.close();
  console.log(`Faults in Chromium: ${results.length} runs, seed ${FAULT_SEED}\n${formatTable(BROWSER_ROWS, results)}`);
});

const runs = Array.from({ length: numBrowserRounds }, (_, round) =>
  BROWSER_ROWS.map((row, i) => ({ ...row, row, round, seed: FAULT_SEED * 1_000_003 + (round * 100 + i) * 7919 })),
).flat();

/** Every run ends with an answer where faults are what is tested, by `npm run faults`; else one of them does. */
const answers = (row: (typeof BROWSER_ROWS)[number]) => numBrowserRounds > 1 || row === BROWSER_ROWS[0];

test.each(runs)('$fault, round $round: ends as the table says, and the next try goes on', async ({ row, seed }) => {
  const result = await runInBrowser(world, row, generator(seed), answers(row) ? expected : undefined);
  results.push(result);
  expect(deviationsOf(result)).toEqual([]);
});
