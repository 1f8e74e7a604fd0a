/** How many runs, and from which seed. FAULT_RUNS: over both lanes together; `npm test` does fewer than `npm run faults`. */
import { BROWSER_ROWS } from './table.ts';

export const FAULT_SEED = Number(process.env.FAULT_SEED ?? 1);
const numRuns = Number(process.env.FAULT_RUNS ?? 200);

/** Of each fault in the browser: they take seconds. */
export const numBrowserRounds = numRuns < 200 ? 1 : 3;
export const numNodeRuns = numRuns - numBrowserRounds * BROWSER_ROWS.length;
