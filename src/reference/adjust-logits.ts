import type { Adjustment } from '../model/runner.ts';
import type { Numbers } from './numbers.ts';
import { seeded } from './random.ts';

/** Penalties that change nothing, no bias. */
export const NO_ADJUSTMENT: Adjustment = {
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  bias: [],
};

/** What has been read and chosen so far. */
export interface Seen {
  readonly prompt: ArrayLike<number>;
  readonly answer: ArrayLike<number>;
}

/**
 * Penalties, then biases, then the mask; see `Adjustment` and `Sampling` in model/runner.ts.
 * logits [numTokens] -> [numTokens]; -Infinity: never chosen
 */
export function adjustLogits(
  logits: Numbers,
  { repetitionPenalty, presencePenalty, frequencyPenalty, bias }: Adjustment,
  { prompt, answer }: Seen,
  mask?: Uint32Array,
): Float64Array {
  const times = new Map<number, number>();
  for (let at = 0; at < answer.length; at++) times.set(answer[at]!, (times.get(answer[at]!) ?? 0) + 1);
  const repeated = new Set([...Array.from(prompt), ...times.keys()]);
  const biases = new Map(bias);
  return Float64Array.from(logits, (logit, id) => {
    if (mask && !isSet(mask, id)) return Number.NEGATIVE_INFINITY;
    const kept = repeated.has(id) ? (logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty) : logit;
    const count = times.get(id) ?? 0;
    return kept - (count > 0 ? presencePenalty : 0) - frequencyPenalty * count + (biases.get(id) ?? 0);
  });
}

function isSet(mask: Uint32Array, id: number): boolean {
  return ((mask[id >>> 5]! >>> (id & 31)) & 1) === 1;
}

/** A mask of these ids. [ceil(numTokens / 32)] */
export function maskOf(ids: Iterable<number>, numTokens: number): Uint32Array<ArrayBuffer> {
  const mask = new Uint32Array(Math.ceil(numTokens / 32));
  for (const id of ids) mask[id >>> 5]! |= 1 << (id & 31);
  return mask;
}

/** An answer in the middle, and how its logits are adjusted. */
export interface AdjustCase {
  readonly name: string;
  readonly numTokens: number;
  readonly penalties?: Partial<Adjustment>;
  /** Ids allowed; default all. */
  readonly allowed?: readonly number[];
}

/** logits [numTokens], and the ids of a prompt and an answer among which many are twice. */
export function adjustData({ name, numTokens, penalties, allowed }: AdjustCase) {
  const random = seeded(name);
  const logits = random.normals(numTokens, 3);
  const some = (count: number) => Array.from({ length: count }, () => random.below(Math.min(numTokens, 12)));
  const seen = { prompt: some(9), answer: some(7) };
  return {
    logits,
    seen,
    adjustment: penalties && { ...NO_ADJUSTMENT, ...penalties },
    mask: allowed && maskOf(allowed, numTokens),
  };
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly AdjustCase[] = [
  { name: 'repetition penalty', numTokens: 100, penalties: { repetitionPenalty: 1.3 } },
  { name: 'repetition bonus', numTokens: 31, penalties: { repetitionPenalty: 0.7 } },
  { name: 'presence penalty', numTokens: 129, penalties: { presencePenalty: 1.5 } },
  { name: 'frequency penalty', numTokens: 128, penalties: { frequencyPenalty: -0.4 } },
  {
    name: 'biases, the last id forbidden',
    numTokens: 77,
    penalties: {
      bias: [
        [0, 100],
        [3, -100],
        [40, 2.5],
        [76, Number.NEGATIVE_INFINITY],
      ],
    },
  },
  { name: 'a mask of one id', numTokens: 1000, allowed: [998] },
  {
    name: 'everything at once',
    numTokens: 2051,
    penalties: {
      repetitionPenalty: 1.1,
      presencePenalty: -0.5,
      frequencyPenalty: 0.25,
      bias: [
        [5, 1],
        [2050, -7],
      ],
    },
    allowed: [0, 1, 2, 3, 5, 8, 31, 32, 2047, 2050],
  },
  { name: "Llama 4's vocabulary", numTokens: 202_048, penalties: { repetitionPenalty: 1.2, frequencyPenalty: 0.3 } },
];
