/**
 * One mutable timeline: the tokens that the model has processed, and how far a new prompt can reuse them.
 *
 * The session knows exactly what is on the GPU, run-ahead past a stop included: those tokens stay in the timeline, and
 * the next prompt goes back to where it differs by the rule of `rewindPoint`. What another conversation left is parked
 * in the prefix cache. So whatever happened before, a generation equals that of a fresh engine.
 */
import type { Adjustment, Runner, Sampled, Sampling } from '../model/runner.ts';
import { PrefixCache, reusable } from './prefix-cache.ts';

export interface Prefilled {
  /** The first chosen token. */
  readonly sampled: Sampled;
  /** Prompt tokens whose KV was already there. */
  readonly cachedTokens: number;
}

/** How to choose the token that will stand at a position. */
export type SamplingAt = (position: number) => Sampling;

export interface PrefillOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (processed: number, total: number) => void;
  /** Of logits, for this prompt and its answer; default none. */
  readonly adjustment?: Adjustment | undefined;
  /** false: what the prompt overwrites is not parked. Default true. */
  readonly park?: boolean | undefined;
}

export class Session {
  readonly #runner: Runner;
  readonly #cache: PrefixCache;
  /** Ids at positions 0 .. length - 1, as they stand in the KV cache. */
  readonly #tokens: number[] = [];
  /** One past the last position whose chunk the local regions may hold; more than `#tokens.length` after an abort. */
  #reach = 0;
  /** Chosen by the last prefill or step, not fed yet. */
  #chosen = -1;

  /** @param cacheBytes what the prefix cache may take on the GPU; 0: none */
  constructor(runner: Runner, cacheBytes = 0) {
    this.#runner = runner;
    this.#cache = new PrefixCache(runner, cacheBytes);
  }

  /** Tokens processed. */
  get length(): number {
    return this.#tokens.length;
  }

  /** Other timelines that were kept, and their bytes on the GPU. */
  get parked(): { readonly conversations: number; readonly bytes: number } {
    return this.#cache;
  }

  /** Frees what is parked, for good. The timeline itself is the runner's. */
  close(): void {
    this.#cache.close();
  }

  /**
   * Makes `prompt` the timeline, reusing the longest prefix that allows it, and chooses the next token.
   * @param prompt at least one id, less than the context length
   * @throws the signal's reason when aborted between blocks; what was processed until then is kept
   */
  async prefill(prompt: readonly number[], sampling: SamplingAt, options: PrefillOptions = {}): Promise<Prefilled> {
    const { signal, onProgress, adjustment, park = true } = options;
    signal?.throwIfAborted();
    if (park) await this.#arrange(prompt);
    signal?.throwIfAborted();
    const start = reusable({ tokens: this.#tokens, reach: this.#reach }, prompt, this.#runner.schedule.chunk);
    const rest = prompt.slice(start);
    this.#runner.adjust(adjustment, prompt);
    let processed = 0;
    try {
      const sampled = await this.#runner.prefill(rest, start, sampling(prompt.length), {
        signal,
        onProgress: (count) => {
          processed = count;
          onProgress?.(start + count, prompt.length);
        },
      });
      this.#become(prompt, prompt.length, prompt.length);
      this.#chosen = sampled.id;
      return { sampled, cachedTokens: start };
    } catch (error) {
      const stopped = signal?.aborted && error === signal.reason;
      if (stopped)
        this.#become(prompt, start + processed, start + processed + 1); // the next block may have begun a chunk
      else this.#forget();
      throw error;
    }
  }

  /**
   * Feeds each chosen token and yields the next choice, `runAhead` steps in flight. Steps are submitted only when the
   * consumer asks for a token, so whoever stops asking (break, return, throw) is followed by at most the steps already
   * submitted. A step that begins a chunk overwrites the chunk before it in local layers; it waits until all earlier
   * tokens have been yielded and the consumer asked for more.
   * @param steps at most so many steps; the context must have room for them
   * @param runAhead steps in flight; 1 where `sampling` has to know the token before
   */
  async *decode(
    steps: number,
    sampling: SamplingAt,
    signal?: AbortSignal,
    runAhead: number = this.#runner.runAhead,
  ): AsyncGenerator<Sampled & { readonly position: number }, void, undefined> {
    const { chunk } = this.#runner.schedule;
    const inFlight: Promise<Sampled>[] = [];
    let position = this.length;
    const end = position + steps;
    try {
      while (position < end || inFlight.length > 0) {
        signal?.throwIfAborted();
        while (position < end && inFlight.length < runAhead && (inFlight.length === 0 || position % chunk !== 0)) {
          inFlight.push(this.#submit(position, sampling(position + 1)));
          position++;
        }
        const sampled = await this.#confirm(inFlight.shift()!);
        signal?.throwIfAborted();
        yield { ...sampled, position: this.length };
      }
    } finally {
      for (const step of inFlight) await this.#confirm(step).catch(() => {}); // the error being thrown came first
      if (this.#reach !== this.length) this.#forget(); // a step failed: nothing is known any more
    }
  }

  #submit(position: number, sampling: Sampling): Promise<Sampled> {
    this.#reach = position + 1;
    const step = this.#runner.step(position, sampling);
    step.catch(() => {}); // it is awaited in its turn
    return step;
  }

  async #confirm(step: Promise<Sampled>): Promise<Sampled> {
    const sampled = await step;
    this.#tokens.push(this.#chosen);
    this.#chosen = sampled.id;
    return sampled;
  }

  async #arrange(prompt: readonly number[]): Promise<void> {
    const live = { tokens: this.#tokens, reach: this.#reach };
    const next = await this.#cache.arrange(live, prompt);
    if (next !== live) this.#become(next.tokens, next.tokens.length, next.reach);
  }

  /** What failed may have failed for want of memory: copies are let go too. */
  #forget(): void {
    this.#become([], 0, 0);
    this.#cache.clear();
  }

  #become(prompt: readonly number[], length: number, reach: number): void {
    this.#tokens.length = 0;
    for (let position = 0; position < length; position++) this.#tokens.push(prompt[position]!);
    this.#reach = reach;
  }
}
