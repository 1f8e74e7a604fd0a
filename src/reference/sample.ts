import type { Numbers } from './numbers.ts';
import { seeded } from './random.ts';

/** How to choose; see `Sampling` in model/runner.ts. */
export interface SampleOptions {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  /** Ids from here on are never chosen. */
  readonly numTokens: number;
}

/**
 * Probability of every id after temperature, top-k, top-p and min-p, in Transformers' order; they sum to 1.
 * Temperature 0 gives 1 to the largest logit, ties to the lower id. Ids that tie with the last one that top-k or top-p
 * keeps are kept in ascending order of id as far as the limit goes.
 * logits [vocabulary] -> [vocabulary]
 */
export function probabilities(logits: Numbers, options: SampleOptions): Float64Array {
  const { temperature, topK, topP, minP, numTokens } = options;
  const ranked = Array.from({ length: numTokens }, (_, id) => id).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const largest = logits[ranked[0]!]!;
  const weights = new Float64Array(logits.length);
  if (temperature === 0) {
    weights[ranked[0]!] = 1;
    return weights;
  }
  const kept = topK > 0 ? ranked.slice(0, topK) : ranked;
  for (const id of kept) weights[id] = Math.exp((logits[id]! - largest) / temperature);
  const total = kept.reduce((sum, id) => sum + weights[id]!, 0);
  let before = 0; // mass of the ids that rank higher
  for (const [rank, id] of kept.entries()) {
    const weight = weights[id]!;
    const outside = before >= topP * total || weight < minP; // weights are relative to the most probable id
    if (rank > 0 && outside) weights[id] = 0;
    before += weight;
  }
  const remaining = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / remaining);
}

/** One id and the random numbers that choose it: those in [start, end). */
export interface Span {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** Inverts the cumulative distribution: the spans of the ids that can be chosen, by ascending ids. */
export function spansOf(distribution: Numbers): Span[] {
  let end = 0;
  return Array.from(distribution, (_, id) => id)
    .filter((id) => distribution[id]! > 0)
    .map((id) => {
      const start = end;
      end += distribution[id]!;
      return { id, start, end };
    });
}

/** One vocabulary of logits and the filters on it. */
export interface SampleCase {
  readonly name: string;
  /** Logits there are; those from `numTokens` on are the largest of all. */
  readonly vocabulary: number;
  readonly numTokens: number;
  /** 0 for greedy. */
  readonly temperature: number;
  /** Defaults keep everything. */
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  /** Round the logits, so that many tie. */
  readonly ties?: boolean;
}

/** logits [vocabulary] and the spans that a draw may fall in. */
export function sampleData(testCase: SampleCase) {
  const { name, vocabulary, numTokens, temperature, topK = 0, topP = 1, minP = 0 } = testCase;
  const random = seeded(name);
  const normals = random.normals(vocabulary, 3);
  const logits = testCase.ties ? normals.map(Math.round) : normals;
  logits.fill(1e4, numTokens);
  const options = { temperature, topK, topP, minP, numTokens };
  return { logits, options, spans: spansOf(probabilities(logits, options)) };
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly SampleCase[] = [
  { name: 'greedy', vocabulary: 512, numTokens: 500, temperature: 0 },
  { name: 'greedy, ties go to the lower id', vocabulary: 700, numTokens: 700, temperature: 0, ties: true },
  { name: 'one token alone', vocabulary: 8, numTokens: 1, temperature: 1 },
  { name: 'temperature alone', vocabulary: 96, numTokens: 90, temperature: 0.8 },
  { name: 'top-k', vocabulary: 512, numTokens: 512, temperature: 1, topK: 7 },
  { name: 'top-k beyond the vocabulary', vocabulary: 64, numTokens: 60, temperature: 1.5, topK: 1000 },
  { name: 'top-k cuts through ties', vocabulary: 512, numTokens: 400, temperature: 2, topK: 40, ties: true },
  { name: 'top-p', vocabulary: 512, numTokens: 512, temperature: 1, topP: 0.9 },
  { name: 'top-p cuts through ties', vocabulary: 300, numTokens: 300, temperature: 3, topP: 0.55, ties: true },
  { name: 'top-p so small that one id remains', vocabulary: 300, numTokens: 300, temperature: 1, topP: 1e-4 },
  { name: 'top-p of zero', vocabulary: 300, numTokens: 300, temperature: 1, topP: 0 },
  { name: 'min-p', vocabulary: 512, numTokens: 512, temperature: 1.2, minP: 0.07 },
  {
    name: 'top-k, then top-p of the rest, then min-p',
    vocabulary: 1000,
    numTokens: 990,
    temperature: 1.3,
    topK: 50,
    topP: 0.8,
    minP: 0.04,
  },
  {
    name: 'Llama 4 defaults over its vocabulary',
    vocabulary: 202_048,
    numTokens: 201_135,
    temperature: 0.6,
    topP: 0.9,
  },
  { name: "OpenAI's defaults over Llama 4's vocabulary", vocabulary: 202_048, numTokens: 202_048, temperature: 1 },
  { name: 'greedy in the last slice', vocabulary: 5000, numTokens: 4999, temperature: 0 },
  { name: 'nearly flat, top-p needs most ids', vocabulary: 5000, numTokens: 5000, temperature: 50, topP: 0.97 },
  {
    name: 'so cold that only ties remain',
    vocabulary: 3000,
    numTokens: 3000,
    temperature: 1e-3,
    topP: 0.5,
    ties: true,
  },
];
