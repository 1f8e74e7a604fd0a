/**
 * One mutable timeline: the tokens that the model has processed, and how far a new prompt can reuse them.
 *
 * The session knows exactly what is on the GPU, run-ahead past a stop included: those tokens stay in the timeline, and
 * the next prompt goes back to where it differs by the rule of `rewindPoint`. So whatever happened before, a
 * generation equals that of a fresh engine.
 */
import { rewindPoint } from '../model/irope.ts';
import type { Runner, Sampled, Sampling } from '../model/runner.ts';

export interface Prefilled {
  /** The first chosen token. */
  readonly sampled: Sampled;
  /** Prompt tokens whose KV was already there. */
  readonly cachedTokens: number;
}

/** How to choose the token that will stand at a position. */
export type SamplingAt = (position: number) => Sampling;

export class Session {
  readonly #runner: Runner;
  /** Ids at positions 0 .. length - 1, as they stand in the KV cache. */
  readonly #tokens: number[] = [];
  /** One past the last position whose chunk the local regions may hold; more than `#tokens.length` after an abort. */
  #reach = 0;
  /** Chosen by the last prefill or step, not fed yet. */
  #chosen = -1;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /** Tokens processed. */
  get length(): number {
    return this.#tokens.length;
  }

  /**
   * Makes `prompt` the timeline, reusing the longest prefix that allows it, and chooses the next token.
   * @param prompt at least one id, less than the context length
   * @throws the signal's reason when aborted between blocks; what was processed until then is kept
   */
  async prefill(
    prompt: readonly number[],
    sampling: SamplingAt,
    options: { signal?: AbortSignal | undefined; onProgress?: (processed: number, total: number) => void } = {},
  ): Promise<Prefilled> {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const keep = Math.min(commonPrefix(this.#tokens, prompt), prompt.length - 1); // the last token must be fed: its output is needed
    const start = rewindPoint(keep, this.#reach, this.#runner.schedule.chunk);
    const rest = prompt.slice(start);
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
      else this.#become([], 0, 0);
      throw error;
    }
  }

  /**
   * Feeds each chosen token and yields the next choice, `runAhead` steps in flight. Steps are submitted only when the
   * consumer asks for a token, so whoever stops asking (break, return, throw) is followed by at most the steps already
   * submitted. A step that begins a chunk overwrites the chunk before it in local layers; it waits until all earlier
   * tokens have been yielded and the consumer asked for more.
   * @param steps at most so many steps; the context must have room for them
   */
  async *decode(
    steps: number,
    sampling: SamplingAt,
    signal?: AbortSignal,
  ): AsyncGenerator<Sampled & { readonly position: number }, void, undefined> {
    const { runAhead, schedule } = this.#runner;
    const inFlight: Promise<Sampled>[] = [];
    let position = this.length;
    const end = position + steps;
    try {
      while (position < end || inFlight.length > 0) {
        signal?.throwIfAborted();
        while (
          position < end &&
          inFlight.length < runAhead &&
          (inFlight.length === 0 || position % schedule.chunk !== 0)
        ) {
          inFlight.push(this.#submit(position, sampling(position + 1)));
          position++;
        }
        const sampled = await this.#confirm(inFlight.shift()!);
        signal?.throwIfAborted();
        yield { ...sampled, position: this.length };
      }
    } finally {
      for (const step of inFlight) await this.#confirm(step).catch(() => {}); // the error being thrown came first
      if (this.#reach !== this.length) this.#become([], 0, 0); // a step failed: nothing is known any more
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

  #become(prompt: readonly number[], length: number, reach: number): void {
    this.#tokens.length = 0;
    for (let position = 0; position < length; position++) this.#tokens.push(prompt[position]!);
    this.#reach = reach;
  }
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
