/** What a request asks of its choices beyond temperature and filters: written to the GPU only where something is asked. */
import { OutriderError } from '../errors.ts';
import { packEntries } from '../kernels/adjust-logits.ts';
import { EXTRAS_BYTES, packExtras } from '../kernels/extras.ts';
import { logprobWords, MAX_TOP_LOGPROBS } from '../kernels/sampling.ts';
import type { Activations } from './activations.ts';
import type { Adjustment, Logprobs, Sampling } from './runner.ts';

interface Answer {
  readonly adjustment: Adjustment;
  /** `packEntries`. */
  readonly entries: Uint32Array<ArrayBuffer>;
}

/** A run's parts beyond the plain ones: fields of `At`. */
export interface Parts {
  readonly adjusts: boolean;
  readonly logprobs: boolean;
}

export class Choice {
  readonly #queue: GPUQueue;
  readonly #activations: Activations;
  readonly #numTokens: number;
  readonly #extras = new DataView(new ArrayBuffer(EXTRAS_BYTES));
  /** Of the next prefill, and of the last one. */
  #next: Answer | undefined;
  #current: Answer | undefined;

  /** @param numTokens ids that the tokenizer knows */
  constructor(queue: GPUQueue, activations: Activations, numTokens: number) {
    this.#queue = queue;
    this.#activations = activations;
    this.#numTokens = numTokens;
  }

  /** As `Runner.adjust`. Throws RangeError for a bias on no id. */
  adjust(adjustment: Adjustment | undefined, prompt: ArrayLike<number>): void {
    const numTokens = this.#numTokens;
    const stray = adjustment?.bias.find(([id]) => !(Number.isInteger(id) && id >= 0 && id < numTokens));
    if (stray) throw new RangeError(`a bias on the id ${stray[0]} where there are ${numTokens}`);
    this.#next = adjustment && { adjustment, entries: packEntries(numTokens, adjustment.bias, prompt) };
  }

  /** An answer begins: nothing of it is counted. */
  begin(): void {
    this.#current = this.#next;
    if (this.#current) this.#queue.writeBuffer(this.#activations.entries, 0, this.#current.entries);
  }

  /**
   * Writes what the next run's choice needs.
   * @param countsInput the run is fed with the answer's newest id
   */
  write({ mask, logprobs }: Sampling, countsInput: boolean): Parts {
    const penalties = this.#current?.adjustment;
    const parts = { adjusts: penalties !== undefined || mask !== undefined, logprobs: logprobs !== undefined };
    if (!parts.adjusts && !parts.logprobs) return parts;
    const topLogprobs = logprobs ?? 0;
    if (!(Number.isInteger(topLogprobs) && topLogprobs >= 0 && topLogprobs <= MAX_TOP_LOGPROBS))
      throw new RangeError(`${topLogprobs} log-probabilities where 0 .. ${MAX_TOP_LOGPROBS} are allowed`);
    packExtras({ penalties, countsInput, masks: mask !== undefined, topLogprobs }, this.#extras);
    this.#queue.writeBuffer(this.#activations.extras, 0, this.#extras.buffer);
    if (mask) this.#writeMask(mask);
    return parts;
  }

  /** Words of the record that a run with this sampling fills, behind those of the id and the experts. */
  words({ logprobs }: Sampling): number {
    return logprobs === undefined ? 0 : logprobWords(logprobs);
  }

  /** The id, if it is one: where no token could be chosen, the GPU notes none. */
  check(id: number, { mask }: Sampling): number {
    const numTokens = this.#numTokens;
    if (id < numTokens) return id;
    const [code, why] =
      this.#current || mask
        ? (['invalid_request', 'biases and grammar of the request forbid all of them. Allow at least one'] as const)
        : ([
            'gpu_incorrect',
            'none of the logits is a number. Update the graphics driver, or load other weights',
          ] as const);
    throw new OutriderError(code, `None of the ${numTokens} tokens could be chosen: ${why}.`, {
      details: { numTokens },
    });
  }

  /** @param words those behind the id and the experts */
  read({ logprobs }: Sampling, words: Uint32Array<ArrayBuffer>): Logprobs | undefined {
    if (logprobs === undefined) return undefined;
    const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    const count = Math.min(logprobs, this.#numTokens); // there are no more ids
    const top = Array.from({ length: count }, (_, rank) => ({
      id: words[1 + 2 * rank]!,
      logprob: floats[2 + 2 * rank]!,
    }));
    return { chosen: floats[0]!, top };
  }

  #writeMask(mask: Uint32Array<ArrayBuffer>): void {
    const words = Math.ceil(this.#numTokens / 32);
    if (mask.length !== words) throw new RangeError(`a mask of ${mask.length} words where ${words} are needed`);
    this.#queue.writeBuffer(this.#activations.mask, 0, mask);
  }
}
