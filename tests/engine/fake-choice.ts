/**
 * What the fake runner makes of adjustments, masks and log-probabilities, by the oracles of the kernels. Its logits are a
 * hash in [0, 8) for each id but 10 for the one that is chosen where nothing is asked.
 */
import type { Adjustment, Logprobs, Sampling } from '../../src/model/runner.ts';
import { adjustLogits, NO_ADJUSTMENT } from '../../src/reference/adjust-logits.ts';
import { logprobs } from '../../src/reference/logprobs.ts';
import { argmax, generate } from '../../src/reference/numbers.ts';

interface Asked {
  readonly adjustment: Adjustment;
  readonly prompt: readonly number[];
}

/** The runner's own hash. */
type Mix = (a: number, b: number) => number;

/** Throws on misuse, as the runner's own checks do. */
function assert(legal: boolean, misuse: string): void {
  if (!legal) throw new Error(`Runner misused: ${misuse}`);
}

export class FakeChoice {
  readonly #numTokens: number;
  readonly #mix: Mix;
  #next: Asked | undefined;
  #current: Asked | undefined;
  /** Ids of the answer that were fed. */
  #answer: number[] = [];

  constructor(numTokens: number, mix: Mix) {
    this.#numTokens = numTokens;
    this.#mix = mix;
  }

  adjust(adjustment: Adjustment | undefined, prompt: ArrayLike<number>): void {
    const ids = adjustment?.bias.map(([id]) => id) ?? [];
    assert(new Set(ids).size === ids.length, 'two biases on one id');
    assert(
      ids.every((id) => Number.isInteger(id) && id >= 0 && id < this.#numTokens),
      'a bias on no id',
    );
    assert(!adjustment || adjustment.repetitionPenalty > 0, 'repetition penalty not above 0');
    this.#next = adjustment && { adjustment, prompt: Array.from(prompt) };
  }

  /** A prefill begins. */
  begin(): void {
    this.#current = this.#next;
    this.#answer = [];
  }

  /** A step is fed with this id. */
  feed(id: number): void {
    this.#answer.push(id);
  }

  /** @param plain the id where nothing is asked; @param hash of what is visible */
  choose(plain: number, hash: number, sampling: Sampling): { readonly id: number; readonly logprobs?: Logprobs } {
    const { mask, logprobs: top } = sampling;
    if (!this.#current && !mask && top === undefined) return { id: plain };
    assert(!mask || mask.length === Math.ceil(this.#numTokens / 32), `a mask of ${mask?.length} words`);
    assert(top === undefined || (Number.isInteger(top) && top >= 0 && top <= 20), `${top} log-probabilities`);
    const logits = generate(this.#numTokens, (id) => (id === plain ? 10 : (this.#mix(hash, id) >>> 0) / 2 ** 29));
    const { adjustment, prompt } = this.#current ?? { adjustment: NO_ADJUSTMENT, prompt: [] };
    const adjusted = adjustLogits(logits, adjustment, { prompt, answer: this.#answer }, mask);
    const id = argmax(adjusted);
    assert(adjusted[id]! > Number.NEGATIVE_INFINITY, 'every id is forbidden');
    return { id, ...(top !== undefined && { logprobs: logprobs(logits, id, top) }) };
  }
}
