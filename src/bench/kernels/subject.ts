/** A kernel case, ready to run. */
import type { PlannedDispatch } from '../../gpu/plan.ts';

export interface Prepared {
  /** Runs of the same work over weights of their own, to be timed in turn. */
  readonly runs: readonly (readonly PlannedDispatch[])[];
  readonly expected: ArrayLike<number>;
  /** What the first of `runs` wrote. */
  readonly found: () => Promise<ArrayLike<number>>;
}
