/** One request's life: it ends with the caller's signal, or when nothing has come for too long. */

import { abortError } from '../../errors.ts';
import { linkAbort } from '../abort.ts';
import { type Surroundings, TransientFailure } from '../retry.ts';

/** The longest wait for one step of a request, if nobody says otherwise. */
export const STALL_MS = 30_000;

export interface Guard {
  /** For fetch. */
  readonly signal: AbortSignal;
  /**
   * The result of one step of the request: its headers, or the next bytes of its body. Time counts only while somebody
   * waits here, so that a slow consumer is not taken for a slow server.
   * @param broken what a failure of the step means
   * @throws OutriderError `aborted`; TransientFailure
   */
  wait<T>(step: Promise<T>, broken: (cause: unknown) => TransientFailure): Promise<T>;
  /** Must be called at the end; ends the request if it still runs. */
  end(): void;
}

/** @param stallMs the longest wait for one step */
export function createGuard(
  stallMs: number,
  { now, after }: Pick<Surroundings, 'now' | 'after'>,
  signal: AbortSignal | undefined,
): Guard {
  const { controller, release } = linkAbort(signal);
  let since: number | undefined;
  let stalled = false;
  // One timer per request that looks at the clock, instead of one per piece: pieces come thousands a second.
  const watch = (): void => {
    const idle = since === undefined ? 0 : now() - since;
    if (idle < stallMs) {
      unwatch = after(stallMs - idle, watch);
      return;
    }
    stalled = true;
    controller.abort();
  };
  let unwatch = after(stallMs, watch);
  return {
    signal: controller.signal,
    async wait(step, broken) {
      since = now();
      try {
        return await step;
      } catch (cause) {
        if (signal?.aborted) throw abortError(signal);
        if (stalled) throw new TransientFailure(`Nothing came for ${stallMs / 1000} s.`, { cause });
        throw broken(cause);
      } finally {
        since = undefined;
      }
    },
    end() {
      unwatch();
      release();
      controller.abort();
    },
  };
}
