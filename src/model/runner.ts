/**
 * What the engine asks of a loaded model: one timeline of tokens on the GPU. `model/gpu-runner.ts` implements it;
 * tests of the engine drive a small fake.
 */
import type { ModelConfig } from './config.ts';
import type { Schedule } from './irope.ts';

/** How to choose an id from the logits, applied in Transformers' order: temperature, top-k, top-p, min-p. */
export interface Sampling {
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

/** What comes back from the GPU for one chosen id. */
export interface Sampled {
  readonly id: number;
  /** Expert chosen in each MoE layer for the LAST INPUT token (the one whose output this id is). [moeLayers] */
  readonly experts: Uint32Array;
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

  /** What a step costs that feeds a token at `position`. */
  stepCost(position: number): StepCost;

  /** Frees everything. */
  destroy(): void;
}
