/**
 * A loaded model that answers conversations: one session on the GPU, and a queue before it. Speaks in conversations and
 * text; `api/` gives it OpenAI's shapes.
 */
import { encodeConversation } from '../chat/conversation.ts';
import type { ChatTemplate, TemplateMessage } from '../chat/template.ts';
import { OutriderError } from '../errors.ts';
import type { LoadedModel } from '../model/load.ts';
import { abortableItems, linkSignals } from '../ports/abortable.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { AnswerMemory } from './answers.ts';
import { type EngineListener, EventHub } from './events.ts';
import { type GenerationEvent, generateText, type Job } from './generation.ts';
import { RequestQueue } from './queue.ts';
import { drawSeed, uniform } from './random.ts';
import { Session } from './session.ts';
import { type EngineStats, engineStats, Stopwatch, type Usage } from './stats.ts';

/** How to choose ids; what a request leaves out comes from `generation_config.json`, then from OpenAI's defaults. */
export interface SamplingFields {
  /** 0..2; 0 is greedy. */
  readonly temperature: number;
  /** 0..1; 1 keeps all. */
  readonly topP: number;
  /** Ids; 0 keeps all. */
  readonly topK: number;
  /** 0..1, relative to the most probable id; 0 keeps all. */
  readonly minP: number;
}

export interface GenerateRequest {
  readonly messages: readonly TemplateMessage[];
  readonly sampling: { readonly [field in keyof SamplingFields]: SamplingFields[field] | undefined };
  /** A safe integer; undefined draws one. */
  readonly seed: number | undefined;
  /** Tokens, >= 1; undefined, or more than the context has room for, means the rest of the context. */
  readonly maxTokens: number | undefined;
  /** None of them empty. The answer ends before the first that appears. */
  readonly stops: readonly string[];
}

/** What an engine is made of. The engine owns the model and destroys it. */
export interface EngineParts {
  readonly model: LoadedModel;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  /** Every id that ends an answer. */
  readonly endIds: ReadonlySet<number>;
  readonly defaults: SamplingFields;
  /** Already told while loading; listeners that come later hear of it. */
  readonly downgrades: readonly string[];
}

export class ConversationEngine {
  readonly #parts: EngineParts;
  readonly #session: Session;
  readonly #queue = new RequestQueue();
  readonly #events = new EventHub();
  readonly #answers = new AnswerMemory();
  /** Fires when the engine is of no further use; its reason is what every request gets. */
  readonly #over = new AbortController();
  #unloading: Promise<void> | undefined;
  #lastUsage: Usage | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#session = new Session(parts.model);
    for (const message of parts.downgrades) this.#events.emit({ type: 'downgrade', message });
    parts.model.lost.catch((error: OutriderError) => this.#fail(error));
  }

  /** @returns the function that ends the subscription */
  on(listener: EngineListener): () => void {
    return this.#events.on(listener);
  }

  /**
   * Begins when the first item is asked for and its turn has come; leaving the loop early stops the generation.
   * @throws at once: OutriderError `context_overflow`, `template_error`, `engine_unloaded`, `device_lost`, or the
   *   signal's reason. Iterating throws the latter three.
   */
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncIterableIterator<GenerationEvent, void, undefined> {
    this.#over.signal.throwIfAborted();
    signal?.throwIfAborted();
    const stopwatch = new Stopwatch((usage) => {
      this.#lastUsage = usage;
    });
    const prompt = this.#encode(request.messages);
    const job = this.#describe(request, prompt, stopwatch);
    const linked = linkSignals([signal, this.#over.signal]);
    return abortableItems(this.#inTurn(job, linked.signal), linked.signal, linked.unlink);
  }

  /** @throws OutriderError `engine_unloaded`, `device_lost` */
  stats(): EngineStats {
    this.#over.signal.throwIfAborted();
    return engineStats(this.#parts.model, this.#session.length, this.#lastUsage);
  }

  /** Frees everything on the GPU. What runs or waits is rejected with `engine_unloaded`, and so is what comes later. */
  unload(): Promise<void> {
    this.#unloading ??= this.#unload();
    return this.#unloading;
  }

  async #unload(): Promise<void> {
    const lost = this.#over.signal.aborted;
    this.#close(new OutriderError('engine_unloaded', 'The engine was unloaded. Create another one to go on.'));
    if (!lost) await this.#queue.idle(); // steps in flight still use the buffers; those of a lost device never come back
    this.#events.clear();
    this.#parts.model.destroy();
  }

  #fail(error: OutriderError): void {
    if (this.#over.signal.aborted) return;
    this.#close(error);
    this.#events.emit({ type: 'device_lost', error });
  }

  #close(error: OutriderError): void {
    this.#over.abort(error);
    this.#queue.close(error);
  }

  #encode(messages: readonly TemplateMessage[]): readonly number[] {
    const { tokenizer, template, model } = this.#parts;
    const ids = this.#answers.recall(messages);
    const prompt = encodeConversation(tokenizer, template, messages, { idsOf: (index) => ids[index] });
    const { contextLength } = model;
    if (prompt.length >= contextLength) {
      throw new OutriderError(
        'context_overflow',
        `The conversation has ${prompt.length} tokens and the context holds ${contextLength}, answer included. ` +
          'Shorten the conversation, or create the engine with a larger contextLength.',
        { details: { promptTokens: prompt.length, contextLength } },
      );
    }
    return prompt;
  }

  #describe(request: GenerateRequest, prompt: readonly number[], stopwatch: Stopwatch): Job {
    const { model, tokenizer, endIds, defaults } = this.#parts;
    const { temperature, topP, topK, minP } = request.sampling;
    const sampling = {
      temperature: temperature ?? defaults.temperature,
      topP: topP ?? defaults.topP,
      topK: topK ?? defaults.topK,
      minP: minP ?? defaults.minP,
    };
    const seed = request.seed ?? drawSeed();
    return {
      session: this.#session,
      tokenizer,
      endIds,
      prompt,
      limit: Math.min(request.maxTokens ?? Number.POSITIVE_INFINITY, model.contextLength - prompt.length),
      samplingAt: (position) => ({ ...sampling, random: uniform(seed, 0, position) }),
      stops: request.stops,
      stopwatch,
      listener: () => (this.#events.hasListeners ? (event) => this.#events.emit(event) : undefined),
      onAnswer: (ids, text) => this.#answers.remember([...request.messages, { role: 'assistant', content: text }], ids),
    };
  }

  async *#inTurn(job: Job, signal: AbortSignal): AsyncGenerator<GenerationEvent, void, undefined> {
    const leave = await this.#queue.enter(signal);
    try {
      job.stopwatch.start();
      yield* generateText(job, signal);
    } finally {
      leave();
    }
  }
}
