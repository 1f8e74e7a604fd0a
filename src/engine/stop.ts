/**
 * Stop strings over streamed text. What is emitted depends only on the text, never on how it was cut into pieces:
 * the text ends before the stop string that is complete first (of several that are complete at once, the longest).
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  /** Text that may be the beginning of a stop string. */
  #held = '';

  /** @param stops none of them empty; none at all is allowed */
  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Adds text; returns what is certainly not part of a stop string. After `stopped` the matcher must not be used. */
  push(text: string): { text: string; stopped: boolean } {
    this.#held += text;
    const match = this.#firstComplete();
    if (match) return { text: this.#held.slice(0, match.start), stopped: true };
    const keep = this.#longestOpenSuffix();
    const safe = this.#held.slice(0, this.#held.length - keep);
    this.#held = this.#held.slice(this.#held.length - keep);
    return { text: safe, stopped: false };
  }

  /** The text is over: what was held back is part of it. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  #firstComplete(): { start: number; end: number } | undefined {
    let best: { start: number; end: number } | undefined;
    for (const stop of this.#stops) {
      const start = this.#held.indexOf(stop);
      if (start < 0) continue;
      const end = start + stop.length;
      if (!best || end < best.end || (end === best.end && start < best.start)) best = { start, end };
    }
    return best;
  }

  #longestOpenSuffix(): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, this.#held.length); length > longest; length--) {
        if (this.#held.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
