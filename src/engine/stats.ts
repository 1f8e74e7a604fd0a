/** What a request cost, in OpenAI's words, with WebLLM's names for the speeds. */

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: {
    /** Prompt tokens whose KV was already on the GPU. */
    readonly cached_tokens: number;
  };
  readonly extra: UsageExtra;
}

/** Rates are 0 where nothing was measured: no token was prefilled, or only one was decoded. */
export interface UsageExtra {
  /** Uncached prompt tokens per second of prefill. */
  readonly prefill_tokens_per_s: number;
  /** Tokens after the first per second of decoding. */
  readonly decode_tokens_per_s: number;
  /** Seconds from the request, waiting in the queue included, to the first token. */
  readonly time_to_first_token_s: number;
  /** Seconds per token after the first. */
  readonly time_per_output_token_s: number;
  /** Seconds from the request to its end. */
  readonly e2e_latency_s: number;
}

/** Collects the moments of one request. Times are milliseconds of `performance.now()`. */
export class Stopwatch {
  readonly #requested = performance.now();
  #started = 0;
  #first = 0;
  #last = 0;

  /** The request got its turn. */
  start(): void {
    this.#started = performance.now();
  }

  /** A token was chosen. */
  token(): void {
    this.#last = performance.now();
    if (this.#first === 0) this.#first = this.#last;
  }

  /** @param counts of tokens; `cached` is a part of `prompt` */
  usage({ prompt, cached, completion }: { prompt: number; cached: number; completion: number }): Usage {
    const rate = (tokens: number, ms: number) => (tokens > 0 && ms > 0 ? (1000 * tokens) / ms : 0);
    const decodeMs = this.#last - this.#first;
    return {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
      prompt_tokens_details: { cached_tokens: cached },
      extra: {
        prefill_tokens_per_s: rate(prompt - cached, this.#first - this.#started),
        decode_tokens_per_s: rate(completion - 1, decodeMs),
        time_to_first_token_s: (this.#first - this.#requested) / 1000,
        time_per_output_token_s: completion > 1 ? decodeMs / 1000 / (completion - 1) : 0,
        e2e_latency_s: (performance.now() - this.#requested) / 1000,
      },
    };
  }
}
