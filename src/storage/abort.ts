/** Work that stops when its caller says so, or on its own account. */

import { abortError } from '../errors.ts';
import { throwIfAborted } from './source.ts';

/** An AbortController that also fires when `signal` does. `release` lets go of `signal`, which may live much longer. */
export interface LinkedAbort {
  readonly controller: AbortController;
  release(): void;
}

/** @throws OutriderError `aborted` if `signal` has fired already. */
export function linkAbort(signal: AbortSignal | undefined): LinkedAbort {
  throwIfAborted(signal);
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  return { controller, release: () => signal?.removeEventListener('abort', stop) };
}

/**
 * Waits for what a callback reports once.
 * @param start begins to wait and returns what ends the waiting early
 * @throws OutriderError `aborted` as soon as `signal` fires.
 */
export function waitFor(start: (done: () => void) => () => void, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const finish = (settle: () => void) => () => {
      signal?.removeEventListener('abort', onAbort);
      cancel();
      settle();
    };
    const onAbort = finish(() => reject(abortError(signal!)));
    signal?.addEventListener('abort', onAbort);
    const cancel = start(finish(resolve));
  });
}
