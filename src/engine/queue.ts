/** One request at a time. Clients take turns; the requests of one client come in the order of arrival. */

interface Entry {
  readonly enter: () => void;
  readonly fail: (reason: unknown) => void;
}

export class RequestQueue {
  /** Who waits, by client. The first client is next; whoever had a turn goes to the end. The running one has a line too. */
  readonly #lines = new Map<string, Entry[]>();
  readonly #idle: (() => void)[] = [];
  #running: string | undefined;
  #closed: { reason: unknown } | undefined;

  /** Requests that wait, the running one not counted. */
  get length(): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.length, 0);
  }

  /**
   * Waits for its turn. The caller must call the returned function exactly once when done; further calls do nothing.
   * Rejects with the signal's reason if aborted while waiting, or with the reason given to `close`.
   * @param client whose turn it takes
   */
  async enter(signal?: AbortSignal, client = ''): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#closed) throw this.#closed.reason;
    if (this.#running === undefined) this.#begin(client);
    else await this.#wait(signal, client);
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
    const waiting = [...this.#lines.values()].flat();
    this.#lines.clear();
    for (const { fail } of waiting) fail(reason);
  }

  /** Resolves when nobody is running and nobody waits. */
  idle(): Promise<void> {
    return this.#running === undefined ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  #wait(signal: AbortSignal | undefined, client: string): Promise<void> {
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
        this.#forget(client, entry);
        reject(signal!.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#lineOf(client).push(entry);
    });
  }

  #lineOf(client: string): Entry[] {
    const line = this.#lines.get(client) ?? [];
    this.#lines.set(client, line);
    return line;
  }

  #forget(client: string, entry: Entry): void {
    const line = this.#lineOf(client);
    line.splice(line.indexOf(entry), 1);
    if (line.length === 0 && client !== this.#running) this.#lines.delete(client);
  }

  #begin(client: string): void {
    this.#lineOf(client);
    this.#running = client;
  }

  /** Hands the turn over without a gap, so that nobody who arrives in between can overtake. */
  #next(): void {
    const last = this.#running!;
    const line = this.#lineOf(last);
    this.#lines.delete(last);
    if (line.length > 0) this.#lines.set(last, line); // at the end
    const [client, waiting] = this.#lines.entries().next().value ?? [];
    if (client !== undefined && waiting) {
      this.#begin(client);
      waiting.shift()!.enter();
      return;
    }
    this.#running = undefined;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
