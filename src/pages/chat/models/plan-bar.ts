/** A plan as a bar: what takes how much of the GPU's memory, what stays free, what is missing. Pure arithmetic. */

/** Bytes on the GPU by purpose, and the bytes that may be used. */
export interface Amounts {
  readonly weights: number;
  readonly kv: number;
  readonly activations: number;
  /** Undefined: nobody said how much may be used. */
  readonly budget?: number | undefined;
}

export type Part = 'weights' | 'kv' | 'activations' | 'free';

export interface PlanBar {
  /** From start to end; shares are of the whole bar and add up to 1. A part without bytes is left out. */
  readonly segments: readonly { readonly part: Part; readonly bytes: number; readonly share: number }[];
  /** Where the budget ends, as a share of the bar; undefined where everything is within it. */
  readonly limit?: number | undefined;
  /** Bytes over the budget; 0 where it fits or nobody set one. */
  readonly missing: number;
}

/** The bar is as long as the larger of what is needed and what there is. */
export function layOutBar({ weights, kv, activations, budget }: Amounts): PlanBar {
  const needed = weights + kv + activations;
  const free = Math.max(0, (budget ?? 0) - needed);
  const length = Math.max(1, needed + free);
  const parts: [Part, number][] = [
    ['weights', weights],
    ['kv', kv],
    ['activations', activations],
    ['free', free],
  ];
  const missing = budget === undefined ? 0 : Math.max(0, needed - budget);
  return {
    segments: parts.filter(([, bytes]) => bytes > 0).map(([part, bytes]) => ({ part, bytes, share: bytes / length })),
    limit: missing > 0 ? budget! / length : undefined,
    missing,
  };
}

const shortestContext = 1024;

/** The steps of the context's slider: powers of two up to the longest, and the longest itself. */
export function contextSteps(longest: number): number[] {
  const steps: number[] = [];
  for (let length = shortestContext; length < longest; length *= 2) steps.push(length);
  return [...steps, longest];
}

/** The index of the step that is nearest to `length` without passing it; the first where all do. */
export function stepOf(steps: readonly number[], length: number): number {
  return Math.max(
    0,
    steps.findLastIndex((step) => step <= length),
  );
}
