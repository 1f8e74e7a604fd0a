/** One request at a time, in the order of arrival. */
export class RequestQueue {
  readonly #waiting: { enter: () => void; fail: (reason: unknown) => void }[] = [];
  readonly #idle: (() => void)[] = [];
  #busy = false;
  #closed: { reason: unknown } | undefined;

  /** Requests that wait, the running one not counted. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Waits for its turn. The caller must call the returned function exactly once when done; further calls do nothing.
   * Rejects with the signal's reason if aborted while waiting, or with the reason given to `close`.
   */
  async enter(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#closed) throw this.#closed.reason;
    if (this.#busy) await this.#wait(signal);
    this.#busy = true;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#next();
    };
  }

  /** Rejects everyone who waits, now and later, with `reason`; the running request is not touched. */
  close(reason: unknown): void {
    this.#closed ??= { reason };
    for (const { fail } of this.#waiting.splice(0)) fail(reason);
  }

  /** Resolves when nobody is running and nobody waits. */
  idle(): Promise<void> {
    return this.#busy ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void) => {
        signal?.removeEventListener('abort', abort);
        how();
      };
      const entry = {
        enter: () => settle(resolve),
        fail: (reason: unknown) => settle(() => reject(reason)),
      };
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal!.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(entry);
    });
  }

  /** Hands the turn over without a gap, so that nobody who arrives in between can overtake. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next) {
      next.enter();
      return;
    }
    this.#busy = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
