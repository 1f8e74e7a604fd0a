/** A rate for all connections together. */
import { setTimeout as sleep } from 'node:timers/promises';

/** After idling, this much time's worth of bytes may pass at once; shorter, and timers that fire late would cost rate. */
const BURST_MILLISECONDS = 50;

export class Throttle {
  /** Small enough that connections take turns, large enough that waiting for each costs little. */
  readonly pieceBytes: number;
  readonly #bytesPerMillisecond: number;
  #free = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMillisecond = bytesPerSecond / 1000;
    this.pieceBytes = Math.max(1, Math.min(1 << 20, Math.ceil(bytesPerSecond / 50)));
  }

  /** Resolves when these bytes may pass. */
  async take(bytes: number): Promise<void> {
    const now = performance.now();
    this.#free = Math.max(this.#free, now - BURST_MILLISECONDS) + bytes / this.#bytesPerMillisecond;
    if (this.#free > now) await sleep(this.#free - now);
  }
}
