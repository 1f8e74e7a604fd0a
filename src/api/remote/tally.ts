/** What an answer cost that was not computed here alone. */
import type { Usage } from '../../engine/stats.ts';
import { type Fields, isFields } from '../fields.ts';

/** Counts are the servers', with what was counted here; 0 where nobody told. Speeds of others are not known: they are 0. */
export class Tally {
  readonly #started = performance.now();
  #first = 0;
  #promptTokens = 0;
  #completionTokens = 0;

  /** A piece was given out. */
  piece(): void {
    if (this.#first === 0) this.#first = performance.now();
  }

  /** The prompt by itself; of several counts of the one prompt the first is taken. */
  prompt(tokens: number): void {
    if (this.#promptTokens === 0) this.#promptTokens = tokens;
  }

  /** Tokens of a choice, or of a part of one. */
  completion(tokens: number): void {
    this.#completionTokens += tokens;
  }

  usage(): Usage {
    const now = performance.now();
    return {
      prompt_tokens: this.#promptTokens,
      completion_tokens: this.#completionTokens,
      total_tokens: this.#promptTokens + this.#completionTokens,
      prompt_tokens_details: { cached_tokens: 0 },
      extra: {
        prefill_tokens_per_s: 0,
        decode_tokens_per_s: 0,
        time_to_first_token_s: ((this.#first || now) - this.#started) / 1000,
        time_per_output_token_s: 0,
        e2e_latency_s: (now - this.#started) / 1000,
      },
    };
  }
}

/** A chunk's account, if it has one. */
export function usageOf({ usage }: Fields): { readonly prompt: number; readonly completion: number } | undefined {
  if (!isFields(usage)) return undefined;
  const count = (value: unknown) => (Number.isSafeInteger(value) ? (value as number) : 0);
  return { prompt: count(usage.prompt_tokens), completion: count(usage.completion_tokens) };
}
