/** Whether the browser held this page back while something was measured. */

const TICK_MS = 250;
/** Browsers throttle timers of pages out of view to one a second or a minute. */
const LATE_MS = 1500;

export class TabWatch {
  readonly #stop = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #hidden = document.hidden;
  #latest = 0;
  #last = performance.now();

  constructor() {
    const onHide = () => {
      this.#hidden ||= document.hidden;
    };
    document.addEventListener('visibilitychange', onHide, { signal: this.#stop.signal });
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#latest = Math.max(this.#latest, now - this.#last - TICK_MS);
      this.#last = now;
    }, TICK_MS);
  }

  /** What speaks against the figures so far. */
  get warnings(): string[] {
    const late = this.#latest / 1000;
    return [
      ...(this.#hidden
        ? ['The tab was out of view during the run. Browsers slow down such tabs: run it again in view.']
        : []),
      ...(this.#latest > LATE_MS && !this.#hidden
        ? [
            `The browser held this page back for ${late.toFixed(1)} s during the run: something else kept it or the machine busy.`,
          ]
        : []),
    ];
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stop.abort();
  }
}
