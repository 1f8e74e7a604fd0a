/** What the page and the worker that measures tell each other. */
import type { BenchProgress, BenchRequest, BenchResults, PartialResults } from '../../../bench/results.ts';
import type { WireError } from '../../../ports/errors.ts';

/** To the worker, once. A run is stopped by ending the worker. */
export type WireRequest = Pick<BenchRequest, 'quick' | 'model' | 'curves' | 'trueSize'>;

/** From the worker; `done` and `failed` come last. */
export type WireEvent =
  | { readonly kind: 'progress'; readonly progress: BenchProgress }
  | { readonly kind: 'results'; readonly results: PartialResults }
  | { readonly kind: 'done'; readonly results: BenchResults }
  | { readonly kind: 'failed'; readonly error: WireError };
