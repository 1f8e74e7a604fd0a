/** A run that nobody measured: every part is there, on a GPU that does not exist. */
import { readFileSync } from 'node:fs';
import type { BenchResults } from '../../../src/bench/results.ts';

export const fixtureText = readFileSync('tests/fixtures/bench/results.json', 'utf8');

/** A fresh copy. */
export const fixture = (): BenchResults => JSON.parse(fixtureText) as BenchResults;
