/** Earlier runs in this browser, newest first. */
import type { BenchResults } from '../../bench/results.ts';
import { readJson, writeJson } from '../shared/storage.ts';
import { checkResults } from './schema.ts';

const storageKey = 'outrider.bench';
/** About 10 KB each, of the 5 MB that a page may keep. */
const MAX_RUNS = 12;

/** What can still be read; runs of other versions are left out. */
export function readRuns(): readonly BenchResults[] {
  const stored = readJson('localStorage', storageKey);
  return Array.isArray(stored) ? stored.filter(isReadable) : [];
}

/** Keeps a run before the earlier ones. @returns all of them */
export function keepRun(run: BenchResults): readonly BenchResults[] {
  const runs = [run, ...readRuns()].slice(0, MAX_RUNS);
  writeJson('localStorage', storageKey, runs);
  return runs;
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
