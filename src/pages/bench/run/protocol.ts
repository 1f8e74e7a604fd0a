/** What the page and the worker that measures tell each other. */
import type { BenchProgress, BenchRequest, BenchResults, PartialResults } from '../../../bench/results.ts';
import type { WireError } from '../../../ports/errors.ts';

/** What a page asks for. */
export interface RunRequest extends Omit<BenchRequest, 'model'> {
  /** The model's address; undefined: kernels only. */
  readonly model: string | undefined;
}

/** To the worker, once. A run is stopped by ending the worker. */
export interface WireRequest extends Pick<RunRequest, 'quick' | 'model' | 'curves' | 'trueSize'> {
  /** What loading asks of the page (LoaderServices). */
  readonly services: MessagePort;
}

/** From the worker; `done` and `failed` come last. */
export type WireEvent =
  | { readonly kind: 'progress'; readonly progress: BenchProgress }
  | { readonly kind: 'results'; readonly results: PartialResults }
  | { readonly kind: 'done'; readonly results: BenchResults }
  | { readonly kind: 'failed'; readonly error: WireError };
