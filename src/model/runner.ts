/**
 * What the engine asks of a loaded model: one timeline of tokens on the GPU. `model/gpu-runner.ts` implements it;
 * tests of the engine drive a small fake.
 */
import type { ModelConfig } from './config.ts';
import type { Schedule } from './irope.ts';

/** What is done to logits before an id is chosen, and holds for a whole answer. Ids are below the tokenizer's `numTokens`. */
export interface Adjustment {
  /** > 0; of ids in the prompt or the answer so far, a positive logit is divided by it, a negative one multiplied. */
  readonly repetitionPenalty: number;
  /** Subtracted once from the logit of every id that the answer has already. */
  readonly presencePenalty: number;
  /** Subtracted from the logit of an id for each time that the answer has it. */
  readonly frequencyPenalty: number;
  /** Added; -Infinity: never chosen. Each id at most once. */
  readonly bias: readonly (readonly [id: number, bias: number])[];
}

/** How to choose an id from the logits, in Transformers' order: adjustments, mask, temperature, top-k, top-p, min-p. */
export interface Sampling {
  /** Bit `id % 32` of word `id / 32` is set where the id may be chosen; at least one is. Default all. [ceil(numTokens / 32)] */
  readonly mask?: Uint32Array<ArrayBuffer> | undefined;
  /** So many alternatives with their log-probabilities, 0..20; default none, and none for the chosen id either. */
  readonly logprobs?: number | undefined;
  /** >= 0; 0 is greedy (ties to the lower id) and ignores the rest. */
  readonly temperature: number;
  /** 0..1; 1 keeps all. Exact over the whole vocabulary. */
  readonly topP: number;
  /** Ids; 0 keeps all. */
  readonly topK: number;
  /** 0..1, relative to the most probable id; 0 keeps all. */
  readonly minP: number;
  /** Uniform in [0, 1): the generator is counter-based, keyed by (seed, choice, position), see engine/random.ts. */
  readonly random: number;
}

/** Natural logarithms of the softmax over the model's own logits, before adjustments, mask and temperature. */
export interface Logprobs {
  readonly chosen: number;
  /** The most probable ids, falling; ties to the lower id. [alternatives] */
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
}

/** What comes back from the GPU for one chosen id. */
export interface Sampled {
  readonly id: number;
  /** Expert chosen in each MoE layer for the LAST INPUT token (the one whose output this id is). [moeLayers] */
  readonly experts: Uint32Array;
  /** Where `Sampling.logprobs` asked for them. */
  readonly logprobs?: Logprobs | undefined;
}

/** Keys and values of a timeline's positions, copied aside on the GPU. */
export interface KvCopy {
  /** On the GPU. */
  readonly bytes: number;
  /** Frees it. */
  destroy(): void;
}

/** One decode step: bytes that its dispatches must read or write at least once each, and floating-point operations. */
export interface StepCost {
  readonly dispatches: number;
  readonly bytes: number;
  readonly flops: number;
}

export interface Runner {
  readonly config: ModelConfig;
  readonly schedule: Schedule;
  /** Tokens that fit: positions 0 .. contextLength - 1. */
  readonly contextLength: number;
  /** Steps worth having in flight. */
  readonly runAhead: number;
  /** Rejects once when the device is lost (OutriderError `device_lost`); never resolves otherwise. */
  readonly lost: Promise<never>;

  /**
   * What is done to logits from the next prefill on, until it is called again; undefined: nothing. Each prefill begins an
   * answer: none of its ids is counted yet, whatever stands in `prompt`. Throws RangeError for a bias on no id.
   * @param prompt ids that the repetition penalty sees beside the answer's
   */
  adjust(adjustment: Adjustment | undefined, prompt: ArrayLike<number>): void;

  /**
   * Processes `ids` at positions start .. start + ids.length - 1 (the caller guarantees that the positions before are
   * processed and that `start` obeys `rewindPoint`), then chooses the next id. Cut at chunk boundaries and in blocks,
   * with back-pressure between blocks, so that other work on the GPU gets its turn.
   * Rejects with the signal's reason if aborted between blocks: `processed` of the last `onProgress` call tells how far.
   */
  prefill(
    ids: ArrayLike<number>,
    start: number,
    sampling: Sampling,
    options?: { signal?: AbortSignal | undefined; onProgress?: (processed: number) => void },
  ): Promise<Sampled>;

  /**
   * Enqueues one decode step at once: the id that the previous prefill or step chose is fed at `position`, and the next
   * is chosen. Resolves when its readback arrives; several may be in flight, they resolve in order.
   */
  step(position: number, sampling: Sampling): Promise<Sampled>;

  /**
   * Copies what positions 0 .. length - 1 have in the KV cache to buffers of their own on the GPU; nothing may be in flight.
   * @param reach one past the last position whose chunk the local regions may hold, >= length
   * @returns undefined where the GPU has no room for the copy beside the keys and values of a full context
   */
  saveKv(length: number, reach: number): Promise<KvCopy | undefined>;

  /** Puts a copy back: what it holds is then as it was when it was saved. The copy stays. Nothing may be in flight. */
  restoreKv(copy: KvCopy): void;

  /** Bytes that `saveKv` would take. */
  kvCopyBytes(length: number, reach: number): number;

  /** What a step costs that feeds a token at `position`. */
  stepCost(position: number): StepCost;

  /** Frees everything. */
  destroy(): void;
}
