/** What a request cost, in OpenAI's words, with WebLLM's names for the speeds; what a step costs, and where memory goes. */
import type { LoadedModel } from '../model/load.ts';
import type { StepCost } from '../model/runner.ts';
import type { Session } from './session.ts';

/** An engine at this moment. Plain data. */
export interface EngineStats {
  /** Tokens whose keys and values are on the GPU. */
  readonly position: number;
  /** The step that would follow: from the kernels' own accounts, not measured. */
  readonly decodeStep: StepCost;
  /** undefined before the first answer. */
  readonly lastAnswer: AnswerStats | undefined;
  /** On the GPU: weights, keys and values so far, what a run writes, other conversations' keys and values, and their sum. */
  readonly bytes: LoadedModel['bytes'] & { readonly parked: number; readonly total: number };
  /** Other conversations whose keys and values are kept. */
  readonly parkedConversations: number;
  /** How each family of kernels is computed, and why so. */
  readonly variants: LoadedModel['variants'];
}

/** An answer that was given to its end. */
export interface AnswerStats extends Usage {
  /** 10^9 bytes per second that decoding had to read and write: those of a step in the answer's middle, at its rate. */
  readonly decode_gb_per_s: number;
}

export function engineStats(
  model: LoadedModel,
  { length: position, parked }: Pick<Session, 'length' | 'parked'>,
  last: Usage | undefined,
): EngineStats {
  const { bytes, variants, contextLength } = model;
  const costAt = (at: number) => model.stepCost(Math.min(Math.floor(at), contextLength - 1));
  return {
    position,
    decodeStep: costAt(position),
    lastAnswer: last && {
      ...last,
      decode_gb_per_s:
        (last.extra.decode_tokens_per_s * costAt(last.prompt_tokens + last.completion_tokens / 2).bytes) / 1e9,
    },
    bytes: {
      ...{ ...bytes, parked: parked.bytes },
      total: bytes.weights + bytes.kv + bytes.activations + parked.bytes,
    },
    parkedConversations: parked.conversations,
    variants,
  };
}

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

/** Collects the moments of one request, over all its choices. Times are milliseconds of `performance.now()`. */
export class Stopwatch {
  readonly #requested = performance.now();
  #started = 0;
  /** When the first token of all came; of this choice; and the last token. */
  #first = 0;
  #firstOfChoice = 0;
  #last = 0;
  #prompt = 0;
  /** Of the first choice: later ones find the prompt where it is. */
  #cached: number | undefined;
  #tokens = 0;
  /** Of choices before this one: milliseconds between tokens, and how many gaps. */
  #decodeMs = 0;
  #decoded = 0;

  /** The request got its turn. @param promptTokens cached ones included */
  start(promptTokens: number): void {
    this.#started = performance.now();
    this.#prompt = promptTokens;
  }

  /** A choice begins: its prompt is on the GPU. @param cachedTokens of it that were there before */
  prefilled(cachedTokens: number): void {
    this.#cached ??= cachedTokens;
    this.#firstOfChoice = 0;
  }

  /** A token was chosen. */
  token(): void {
    const now = performance.now();
    if (this.#first === 0) this.#first = now;
    if (this.#firstOfChoice === 0) this.#firstOfChoice = now;
    else {
      this.#decodeMs += now - this.#last;
      this.#decoded++;
    }
    this.#last = now;
    this.#tokens++;
  }

  usage(): Usage {
    const rate = (tokens: number, ms: number) => (tokens > 0 && ms > 0 ? (1000 * tokens) / ms : 0);
    const cached = this.#cached ?? 0;
    return {
      prompt_tokens: this.#prompt,
      completion_tokens: this.#tokens,
      total_tokens: this.#prompt + this.#tokens,
      prompt_tokens_details: { cached_tokens: cached },
      extra: {
        prefill_tokens_per_s: rate(this.#prompt - cached, this.#first - this.#started),
        decode_tokens_per_s: rate(this.#decoded, this.#decodeMs),
        time_to_first_token_s: (this.#first - this.#requested) / 1000,
        time_per_output_token_s: this.#decoded > 0 ? this.#decodeMs / 1000 / this.#decoded : 0,
        e2e_latency_s: (performance.now() - this.#requested) / 1000,
      },
    };
  }
}
