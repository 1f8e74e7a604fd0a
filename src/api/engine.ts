/** The public engine: OpenAI's shapes over a loaded model, in this thread or behind a worker. */
import type { EngineListener } from '../engine/events.ts';
import type { ModelFacts } from '../engine/facts.ts';
import type { TextEngine } from '../engine/request.ts';
import type { EngineStats } from '../engine/stats.ts';
import { createChatCompletions } from './completions.ts';
import type { ChatCompletions } from './types.ts';

export interface Engine {
  /** What was loaded, and where it runs. Plain data. */
  readonly model: ModelFacts;
  /** How each family of kernels is computed on this GPU, and why so: asked for, the only way, or measured. */
  readonly variants: ModelFacts['variants'];
  readonly chat: { readonly completions: ChatCompletions };
  /** Stops everything that runs or waits, whoever asked for it; those calls reject with an `AbortError`. */
  interruptGenerate(): Promise<void>;
  /**
   * Calls `listener` for every event from now on, and for what is true already (downgrades while loading, a lost device).
   * Routing costs a little per token, and only while someone listens.
   * @returns the function that ends the subscription
   */
  on(type: 'event', listener: EngineListener): () => void;
  /** What the next decode step costs, how fast the last answer was, and where the GPU's memory goes. */
  stats(): Promise<EngineStats>;
  /**
   * Frees everything on the GPU, and the Worker if the engine started it. Requests that run or wait are rejected with
   * `engine_unloaded`, and so is every later one. Calling it again does nothing.
   */
  unload(): Promise<void>;
}

/** Gives a loaded model OpenAI's shapes. */
export function engineOver(text: TextEngine): Engine {
  return {
    model: text.model,
    variants: text.model.variants,
    chat: { completions: createChatCompletions(text) },
    interruptGenerate: () => text.interrupt(),
    on: (_type, listener) => text.on(listener),
    stats: () => text.stats(),
    unload: () => text.unload(),
  };
}
