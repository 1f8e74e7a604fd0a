/** Promises and iterators that end at once when a signal fires, whatever they wait for. */

/** Settles like `promise`, or rejects with the signal's reason as soon as it fires. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/**
 * The items of `source`. When the signal fires, whoever waits for an item gets its reason at once and `source` is asked
 * to end (its `finally` blocks run when its own work has come back), even if nobody waits for an item at the time.
 * @param onEnd called exactly once, when the last item was taken, the source failed, the consumer left, or on abort
 */
export function abortableItems<T>(
  source: AsyncGenerator<T, void, undefined>,
  signal: AbortSignal,
  onEnd: () => void,
): AsyncIterableIterator<T, void, undefined> {
  let over = false;
  let ended = false;
  const end = () => {
    signal.removeEventListener('abort', abort);
    if (!ended) onEnd();
    ended = true;
  };
  const abort = () => {
    end();
    void source.return().catch(() => {}); // its own failure would only repeat the reason
  };
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  return {
    async next() {
      if (over) return { done: true, value: undefined };
      try {
        const item = await abortable(source.next(), signal);
        signal.throwIfAborted();
        over = item.done === true;
        if (over) end();
        return item;
      } catch (error) {
        over = true;
        end();
        throw error;
      }
    },
    async return() {
      over = true;
      end();
      await source.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** A signal that fires when any of `signals` does, and a way to let go of them: they may outlive it by far. */
export function linkSignals(signals: readonly (AbortSignal | undefined)[]): {
  signal: AbortSignal;
  unlink: () => void;
} {
  const controller = new AbortController();
  const listeners: (() => void)[] = [];
  for (const signal of signals) {
    if (!signal) continue;
    const abort = () => controller.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    listeners.push(() => signal.removeEventListener('abort', abort));
  }
  const unlink = () => {
    for (const remove of listeners) remove();
  };
  return { signal: controller.signal, unlink };
}

/** Ends everything that runs or waits, and nothing that comes later. */
export class Interruption {
  #controller = new AbortController();

  /** Of what begins now. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  interrupt(): void {
    this.#controller.abort(new DOMException('The generation was interrupted.', 'AbortError'));
    this.#controller = new AbortController();
  }
}
