/** The fields that requests of all methods share. */
export interface CommonFields {
  /** The id of the loaded model (`engine.model.id`); may be left out. */
  readonly model?: string | null | undefined;
  /** 0..2, default 1; 0 always takes the most probable token. */
  readonly temperature?: number | null | undefined;
  /** 0..1, default 1: keep the most probable tokens that together have this probability. */
  readonly top_p?: number | null | undefined;
  /** Tokens, default 0 (all): keep that many of the most probable. */
  readonly top_k?: number | null | undefined;
  /** 0..1, default 0: drop tokens less probable than this share of the most probable one. */
  readonly min_p?: number | null | undefined;
  /** -2..2, default 0: lowers, or below 0 raises, tokens that the answer has already. */
  readonly presence_penalty?: number | null | undefined;
  /** -2..2, default 0: the same for each time that the answer has them. */
  readonly frequency_penalty?: number | null | undefined;
  /** Above 0, default 1: makes tokens of prompt and answer less probable, below 1 more. */
  readonly repetition_penalty?: number | null | undefined;
  /** Token id -> -100..100, added to its logit; at -100 it is never chosen, at 100 only such are. */
  readonly logit_bias?: Readonly<Record<string, number>> | null | undefined;
  /** A safe integer. The same seed, request, adapter and variant give the same text. Default: random. */
  readonly seed?: number | null | undefined;
  /** 1..128, default 1: answers, generated one after another, each with its own randomness. */
  readonly n?: number | null | undefined;
  /** The answer ends before this string, or the first of up to four. */
  readonly stop?: string | readonly string[] | null | undefined;
  /** true: the answer goes on over the model's end tokens, to its limit. Default false. */
  readonly ignore_eos?: boolean | null | undefined;
  /** EBNF of the answer. Such a request runs one step at a time. */
  readonly grammar?: string | null | undefined;
  /** Default false. */
  readonly stream?: boolean | null | undefined;
  /** Only with `stream: true`. `include_usage` adds a last chunk with `usage` and no choices. */
  readonly stream_options?: StreamOptions | null | undefined;
  /** Whoever asks: requests of different users take turns. */
  readonly user?: string | null | undefined;
}

export interface StreamOptions {
  readonly include_usage?: boolean | undefined;
  /** Chunks are not padded: only false. */
  readonly include_obfuscation?: boolean | undefined;
}

/** Why an answer came from elsewhere: codes of errors that say that this device cannot. */
export type FallbackReason =
  | 'webgpu_unavailable'
  | 'model_too_large'
  | 'gpu_out_of_memory'
  | 'gpu_validation'
  | 'gpu_incorrect'
  | 'device_lost'
  | 'worker_failed';

/** Of what was not computed on this device; absent from all that was. */
export interface RemoteMark {
  /** Of the server that computed it, such as `https://gpu.example`. */
  origin: string;
  /** The server's name of the model. */
  model: string;
  /** Why this device did not. */
  reason: FallbackReason;
  /**
   * `whole`: all of this choice is the server's. `continued`: it goes on after the text that was computed here. `restarted`: the
   * server answers anew; the text of this choice that came before is no part of that answer.
   */
  answer: 'whole' | 'continued' | 'restarted';
  /** Where it was restarted: UTF-16 units of content that came before and are no part of the answer. */
  superseded?: number;
}
