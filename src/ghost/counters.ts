/** What was asked for and what was sent, so that a test can say what a loader must not have asked for. */

export interface Served {
  readonly method: string;
  readonly file: string;
  readonly status: number;
  /** Bytes [start, end) of the file that the answer promised; both 0 where it was no file. */
  readonly start: number;
  readonly end: number;
  /** Bytes of the body handed to the connection so far; a peer that hangs up may have got fewer. */
  sent: number;
}

export class Counters {
  readonly #served: Served[] = [];

  /** In the order of their arrival. */
  get served(): readonly Served[] {
    return this.#served;
  }

  get requests(): number {
    return this.#served.length;
  }

  /** Bytes of all bodies. */
  get bytes(): number {
    return this.#served.reduce((sum, { sent }) => sum + sent, 0);
  }

  of(file: string): { readonly requests: number; readonly bytes: number } {
    const served = this.#served.filter((one) => one.file === file);
    return { requests: served.length, bytes: served.reduce((sum, { sent }) => sum + sent, 0) };
  }

  add(served: Served): Served {
    this.#served.push(served);
    return served;
  }

  clear(): void {
    this.#served.length = 0;
  }
}
