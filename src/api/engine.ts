/** The public engine: OpenAI's shapes over a loaded model, in this thread or behind a worker. */
import type { EngineListener } from '../engine/events.ts';
import type { ModelFacts } from '../engine/facts.ts';
import type { TextEngine } from '../engine/request.ts';
import type { EngineStats } from '../engine/stats.ts';
import { abortable, Interruption } from '../ports/abortable.ts';
import { createChatCompletions } from './completions.ts';
import { createGrammars, type Grammars } from './grammars.ts';
import { createModels } from './models.ts';
import type { Elsewhere } from './remote/types.ts';
import { detokenize, tokenize } from './tokens.ts';
import type { ChatCompletions, RequestOptions } from './types.ts';
import type { Models, TextCompletionRequest, TextCompletions, TokenizeInput } from './types-text.ts';

export interface Engine {
  /**
   * 'remote' once an answer was needed that this device cannot give, and so at once where the model could not be loaded: from
   * then on answers come from the server that `fallback` names. Each says by its own `remote` where it was computed.
   */
  readonly where: 'local' | 'remote';
  /** What was loaded, and where it runs. Plain data. Where nothing could be loaded, it has the name alone: the rest is empty or 0. */
  readonly model: ModelFacts;
  /** How each family of kernels is computed on this GPU, and why so: asked for, the only way, or measured. */
  readonly variants: ModelFacts['variants'];
  readonly chat: { readonly completions: ChatCompletions };
  /** OpenAI's older method: goes on with a text, without a chat template. */
  readonly completions: TextCompletions;
  readonly models: Models;
  /** A bound `fetch` that serves OpenAI's HTTP interface, for clients such as the `openai` package; nothing goes over a network, but what `fallback` allows. */
  readonly fetch: typeof fetch;
  /**
   * Token ids of a text by itself, or of a conversation as the model gets it.
   * @throws OutriderError `invalid_request`, `template_error`
   */
  tokenize(input: TokenizeInput): Promise<number[]>;
  /** The text of token ids, special tokens as they are written. @throws OutriderError `invalid_request` */
  detokenize(ids: readonly number[]): Promise<string>;
  /** How many `tokenize` gives: for a conversation, the `prompt_tokens` of its request. */
  countTokens(input: TokenizeInput): Promise<number>;
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

/** Gives a loaded model OpenAI's shapes. @param elsewhere answers what cannot be answered here; default: nothing does */
export function engineOver(text: TextEngine, grammars: Grammars = createGrammars(text), elsewhere?: Elsewhere): Engine {
  const interruption = new Interruption();
  const answering = { engine: text, grammars, interruption };
  const chat = { completions: createChatCompletions(answering, elsewhere) };
  // The rarer ways in are each loaded with their first use.
  const create = async (request: TextCompletionRequest, options?: RequestOptions) => {
    const { createTextCompletions } = await abortable(import('./text-completions.ts'), interruption.signal);
    return createTextCompletions(answering, elsewhere).create(request, options);
  };
  const completions = { create: create as TextCompletions['create'] };
  const models = createModels(text.model.id);
  return {
    get where() {
      return elsewhere?.where ?? 'local';
    },
    model: text.model,
    variants: text.model.variants,
    chat,
    completions,
    models,
    fetch: async (...asked) => (await import('./fetch.ts')).createFetch({ chat, completions, models })(...asked),
    tokenize: (input) => tokenize(text, input),
    detokenize: (ids) => detokenize(text, ids),
    countTokens: async (input) => (await tokenize(text, input)).length,
    interruptGenerate: () => {
      elsewhere?.interrupt();
      interruption.interrupt();
      grammars.interrupt();
      return text.interrupt();
    },
    on: (_type, listener) => {
      const ends = [text.on(listener), elsewhere?.on(listener)];
      return () => {
        for (const end of ends) end?.();
      };
    },
    stats: () => text.stats(),
    unload: async () => {
      grammars.close();
      elsewhere?.close();
      await text.unload();
    },
  };
}
