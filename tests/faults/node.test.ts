/** Seeded fault runs over HTTP, the cache and the loader, under Node. `npm run faults` does all of them. */
import { expect, test } from 'vitest';
import { generator } from '../../src/ghost/tiles.ts';
import { canMix, runUnderNode } from './node-run.ts';
import { deviationsOf, formatTable, type Result } from './report.ts';
import { FAULT_SEED, numNodeRuns } from './settings.ts';
import { NODE_ROWS } from './table.ts';

const LONGEST_RUN_MS = 20_000;

/** Each fault alone first, over and over; every third run is a mixture. */
function rowsOf(run: number, random: () => number): (typeof NODE_ROWS)[number][] {
  const pick = () => NODE_ROWS[Math.floor(random() * NODE_ROWS.length)]!;
  if (run < NODE_ROWS.length || run % 3 > 0) return [NODE_ROWS[run % NODE_ROWS.length]!];
  for (;;) {
    const [one, other] = [pick(), pick()];
    if (one !== other && canMix(one, other)) return [one, other];
  }
}

/** Whoever waits for ever is wrong too. */
function settled<T>(running: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${LONGEST_RUN_MS} ms`)), LONGEST_RUN_MS);
  });
  return Promise.race([running, late]).finally(() => clearTimeout(timer));
}

test(`${numNodeRuns} runs with faults end as the table says, and the next try goes on (seed ${FAULT_SEED})`, async () => {
  const results: Result[] = [];
  const deviations: string[] = [];
  for (let run = 0; run < numNodeRuns; run++) {
    const random = generator(FAULT_SEED * 1_000_003 + run * 7919);
    const rows = rowsOf(run, random);
    const what = `run ${run}: ${rows.map(({ fault }) => fault).join(' + ')}`;
    try {
      const result = await settled(runUnderNode(rows, random));
      results.push(result);
      const { source, stored } = result;
      for (const deviation of deviationsOf(result))
        deviations.push(`${what} (${source}, ${stored} stored) ${deviation}`);
    } catch (error) {
      deviations.push(`${what}: ${(error as Error).stack}`);
    }
  }
  console.log(`Faults under Node: ${results.length} runs, seed ${FAULT_SEED}\n${formatTable(NODE_ROWS, results)}`);
  expect(deviations).toEqual([]);
}, 600_000);
