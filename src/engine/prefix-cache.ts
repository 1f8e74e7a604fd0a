/**
 * Timelines beside the current one: before a prompt overwrites what another conversation left on the GPU, that is copied
 * aside ("parked"), and put back when a prompt begins with more of it. The oldest go first when a byte budget is full.
 */
import { rewindPoint } from '../model/positions.ts';
import type { KvCopy, Runner } from '../model/runner.ts';

/** Tokens that were processed, at positions 0 .. tokens.length - 1. */
export interface Processed {
  readonly tokens: readonly number[];
  /** One past the last position whose chunk the local regions may hold, >= tokens.length. */
  readonly reach: number;
}

interface Parked extends Processed {
  readonly copy: KvCopy;
}

/** A run has at least so many rows (memory/block.ts): to read fewer tokens again costs about one run. */
const WORTH_TOKENS = 16;

/** Where a prompt can go on after what was processed: it is never read to its end, since its last token must be fed. */
export function reusable({ tokens, reach }: Processed, prompt: readonly number[], chunk: number): number {
  return rewindPoint(Math.min(commonPrefix(tokens, prompt), prompt.length - 1), reach, chunk);
}

export class PrefixCache {
  readonly #runner: Runner;
  /** The one that was used longest ago is first. */
  readonly #parked: Parked[] = [];
  #budget: number;

  /** @param budget bytes on the GPU; 0: nothing is parked */
  constructor(runner: Runner, budget: number) {
    this.#runner = runner;
    this.#budget = budget;
  }

  /** Of all copies, on the GPU. */
  get bytes(): number {
    return this.#parked.reduce((sum, { copy }) => sum + copy.bytes, 0);
  }

  get conversations(): number {
    return this.#parked.length;
  }

  /**
   * Makes way for `prompt`: parks `live` if the prompt overwrites enough of it, and puts another timeline in its place
   * if the prompt begins with more of that one.
   * @returns what is on the GPU then
   */
  async arrange(live: Processed, prompt: readonly number[]): Promise<Processed> {
    const found = this.#find(live, prompt);
    if (isCut(live, prompt)) await this.#park(live, found);
    if (!found || !this.#remove(found)) return live; // it may have been freed meanwhile
    this.#runner.restoreKv(found.copy);
    if (isCut(found, prompt)) this.#parked.push(found);
    else found.copy.destroy(); // the prompt goes on from it
    return found;
  }

  /** Frees everything. */
  clear(): void {
    for (const { copy } of this.#parked.splice(0)) copy.destroy();
  }

  /** Frees everything, and parks nothing from now on. */
  close(): void {
    this.#budget = 0;
    this.clear();
  }

  #find(live: Processed, prompt: readonly number[]): Parked | undefined {
    let best: Parked | undefined;
    let start = this.#reusable(live, prompt);
    for (const parked of this.#parked) {
      const reached = this.#reusable(parked, prompt);
      if (reached > start) [best, start] = [parked, reached];
    }
    return best;
  }

  async #park(live: Processed, kept: Parked | undefined): Promise<void> {
    const { tokens, reach } = live;
    if (this.#parked.some((parked) => this.#covers(parked, live))) return;
    const others = this.#parked.filter((parked) => parked !== kept);
    for (const parked of others) if (this.#covers(live, parked)) this.#free(parked);
    const bytes = this.#runner.kvCopyBytes(tokens.length, reach);
    const room = this.#budget - (kept?.copy.bytes ?? 0);
    if (bytes > room) return;
    for (const oldest of others) {
      if (this.bytes + bytes <= this.#budget) break;
      this.#free(oldest);
    }
    const copy = await this.#runner.saveKv(tokens.length, reach);
    if (!copy) return;
    if (this.#budget === 0)
      copy.destroy(); // closed meanwhile
    else this.#parked.push({ tokens: [...tokens], reach, copy });
  }

  /** Whether a conversation that goes on from `other` finds nearly as much in `timeline`. */
  #covers(timeline: Processed, other: Processed): boolean {
    return other.tokens.length - this.#reusable(timeline, other.tokens) < WORTH_TOKENS;
  }

  #reusable(timeline: Processed, prompt: readonly number[]): number {
    return reusable(timeline, prompt, this.#runner.schedule.chunk);
  }

  #free(parked: Parked): void {
    if (this.#remove(parked)) parked.copy.destroy();
  }

  #remove(parked: Parked): boolean {
    const index = this.#parked.indexOf(parked);
    if (index >= 0) this.#parked.splice(index, 1);
    return index >= 0;
  }
}

/** Whether going on with `prompt` gives up more of the timeline than is quickly read again. */
function isCut({ tokens }: Processed, prompt: readonly number[]): boolean {
  return tokens.length - commonPrefix(tokens, prompt) >= WORTH_TOKENS;
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
