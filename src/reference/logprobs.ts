import type { Logprobs } from '../model/runner.ts';
import type { Numbers } from './numbers.ts';
import { seeded } from './random.ts';

/**
 * Log-softmax: of the chosen id, and of the `top` most probable ones, ties to the lower id; all ids where there are fewer.
 * logits [numTokens]
 */
export function logprobs(logits: Numbers, chosen: number, top: number): Logprobs {
  const ranked = Array.from(logits, (logit, id) => ({ id, logit })).sort((a, b) => b.logit - a.logit || a.id - b.id);
  const highest = ranked[0]!.logit;
  const total = highest + Math.log(ranked.reduce((sum, { logit }) => sum + Math.exp(logit - highest), 0));
  return {
    chosen: logits[chosen]! - total,
    top: ranked.slice(0, top).map(({ id, logit }) => ({ id, logprob: logit - total })),
  };
}

/** Logits and how many alternatives. */
export interface LogprobsCase {
  readonly name: string;
  readonly numTokens: number;
  readonly top: number;
  /** Deviation of the logits; default 3. */
  readonly spread?: number;
  /** Round the logits, so that many tie. */
  readonly ties?: boolean;
}

/** logits [numTokens + 3], the last three of which are the largest and of no id; a chosen id. */
export function logprobsData({ name, numTokens, spread = 3, ties }: LogprobsCase) {
  const random = seeded(name);
  const normals = random.normals(numTokens + 3, spread);
  const logits = ties ? normals.map(Math.round) : normals;
  logits.fill(1e4, numTokens);
  return { logits, chosen: random.below(numTokens) };
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly LogprobsCase[] = [
  { name: 'the chosen id alone', numTokens: 500, top: 0 },
  { name: 'one alternative', numTokens: 33, top: 1 },
  { name: 'more alternatives than ids', numTokens: 7, top: 20 },
  { name: 'all ids', numTokens: 20, top: 20 },
  { name: 'ties within a slice', numTokens: 1024, top: 20, ties: true },
  { name: 'ties over slices', numTokens: 5003, top: 20, spread: 0.5, ties: true },
  { name: 'all equal', numTokens: 3000, top: 5, spread: 0 },
  { name: 'logits of thousands', numTokens: 1500, top: 20, spread: 1000 },
  { name: "Llama 4's vocabulary", numTokens: 202_048, top: 20 },
];
