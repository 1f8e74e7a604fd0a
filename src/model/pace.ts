/** Keeps the desktop usable while a prompt is read: no submit takes long, and never more than two wait for the GPU. */
import type { Submit } from '../gpu/plan.ts';

/** No submit may take longer, by estimate. */
const SUBMIT_SECONDS = 0.2;
/** Until something was measured: low rates, since submits too small cost little. */
const FLOPS_PER_SECOND = { software: 8e9, hardware: 1e12 };
/** One slow submit (a driver that compiles, another tab's work) must not make all others tiny. */
const MIN_SHARE = 1 / 8;

export class Pace {
  readonly #queue: GPUQueue;
  readonly #assumed: number;
  #flopsPerSecond: number;
  /** When the submit before the newest was done; settles with the GPU. */
  #before: Promise<number> = Promise.resolve(0);
  #newest: Promise<number> = Promise.resolve(0);

  /** @param software the adapter computes on the CPU */
  constructor(queue: GPUQueue, software: boolean) {
    this.#queue = queue;
    this.#assumed = software ? FLOPS_PER_SECOND.software : FLOPS_PER_SECOND.hardware;
    this.#flopsPerSecond = this.#assumed;
  }

  /** Work after which a submit ends at the next border between layers. */
  get submitFlops(): number {
    return SUBMIT_SECONDS * this.#flopsPerSecond;
  }

  /** Submits as soon as at most one other is waiting, and learns from what it takes. */
  async submit({ commands, flops }: Submit): Promise<void> {
    await this.#before;
    const started = performance.now();
    const previous = this.#newest;
    this.#queue.submit([commands]);
    this.#before = previous;
    this.#newest = this.#queue.onSubmittedWorkDone().then(async () => {
      const done = performance.now();
      this.#learn(flops, (done - Math.max(started, await previous)) / 1000);
      return done;
    });
    this.#newest.catch(() => {}); // a device that is lost says so itself
  }

  #learn(flops: number, seconds: number): void {
    if (seconds <= 0) return;
    const measured = (this.#flopsPerSecond + flops / seconds) / 2;
    this.#flopsPerSecond = Math.max(measured, this.#assumed * MIN_SHARE);
  }
}
