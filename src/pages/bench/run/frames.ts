/** How long the page takes from one frame to the next. */

export interface FrameTimes {
  readonly medianSeconds: number;
  readonly longestSeconds: number;
}

export class FrameMeter {
  readonly #gaps: number[] = [];
  #last: number | undefined;
  #request = 0;

  /** Starts, or starts over. */
  start(): void {
    this.#gaps.length = 0;
    this.#last = undefined;
    cancelAnimationFrame(this.#request);
    this.#request = requestAnimationFrame(this.#onFrame);
  }

  /** Ends. A frame that is still awaited counts with the time that it has taken so far. */
  stop(): FrameTimes {
    cancelAnimationFrame(this.#request);
    if (this.#last !== undefined) this.#gaps.push(performance.now() - this.#last);
    const sorted = this.#gaps.toSorted((a, b) => a - b);
    return {
      medianSeconds: (sorted[sorted.length >> 1] ?? 0) / 1000,
      longestSeconds: Math.max(0, sorted.at(-1) ?? 0) / 1000,
    };
  }

  readonly #onFrame = (now: number): void => {
    if (this.#last !== undefined) this.#gaps.push(now - this.#last);
    this.#last = now;
    this.#request = requestAnimationFrame(this.#onFrame);
  };
}
