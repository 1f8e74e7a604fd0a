/** How many parts are fetched at a time, so that hashing keeps up. */

/**
 * Runs pieces of work at the same time, in the order in which they came; one at a time while something else is behind.
 *
 * Hashing files by WASM is the slowest thing that a first load does. On few cores its thread gets too little of them while all
 * others run at full speed, and in the end hashing goes on alone, with the other cores idle: on two of them a load took a
 * quarter longer. Work never stops altogether, so nothing can wait for itself.
 */
export class Pace {
  readonly #isBehind: () => boolean;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  /** @param isBehind asked before each piece of work */
  constructor(isBehind: () => boolean) {
    this.#isBehind = isBehind;
  }

  /** What `work` resolves to or rejects with. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await new Promise<void>((begin) => {
      this.#waiting.push(begin);
      this.#beginNext();
    });
    try {
      return await work();
    } finally {
      this.#underWay--;
      this.#beginNext();
    }
  }

  #beginNext(): void {
    while (this.#waiting.length > 0 && (this.#underWay === 0 || !this.#isBehind())) {
      this.#underWay++;
      this.#waiting.shift()!();
    }
  }
}
