/** What a kernel family does in a model, on made-up data, and what must come of it. */
import type { TrialWork } from './bench.ts';

export interface Trial {
  readonly work: TrialWork;
  /** What y must hold after the first run, by plain loops in f64; for trials on filled buffers. To be called once. */
  expected(): Float64Array;
}
