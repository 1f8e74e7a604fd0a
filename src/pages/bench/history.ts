/** Earlier runs in this browser, newest first. */
import type { BenchResults } from '../../bench/results.ts';
import { readJson, writeJson } from '../shared/storage.ts';
import { checkResults } from './schema.ts';

const storageKey = 'outrider.bench';
/** Up to 50 KB each, of the 5 MB that a page may keep. */
const MAX_RUNS = 12;

/** What can still be read; runs of other versions are left out. */
export function readRuns(): readonly BenchResults[] {
  const stored = readJson('localStorage', storageKey);
  return Array.isArray(stored) ? stored.filter(isReadable) : [];
}

/** Keeps a run before the earlier ones. @returns whether the browser did */
export function keepRun(run: BenchResults): boolean {
  writeJson('localStorage', storageKey, [run, ...readRuns()].slice(0, MAX_RUNS));
  return readRuns()[0]?.date === run.date;
}

/** Forgets all runs. */
export function forgetRuns(): void {
  writeJson('localStorage', storageKey, undefined);
}

function isReadable(value: unknown): value is BenchResults {
  try {
    checkResults(value);
    return true;
  } catch {
    return false; // the version before this one, or another page's: nobody asked for it
  }
}
