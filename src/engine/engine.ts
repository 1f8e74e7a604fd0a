/** A loaded model in this thread: one session on the GPU, and a queue before it. */
import type { ChatTemplate } from '../chat/template.ts';
import { OutriderError } from '../errors.ts';
import type { LoadedModel } from '../model/load.ts';
import { abortableItems, linkSignals } from '../ports/abortable.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type EngineListener, EventHub } from './events.ts';
import type { ModelFacts } from './facts.ts';
import { generateText, type Job } from './generation.ts';
import { PromptEncoder } from './prompts.ts';
import { RequestQueue } from './queue.ts';
import { drawSeed, uniform } from './random.ts';
import type {
  EncodedPrompt,
  GenerateOptions,
  GenerateRequest,
  GenerationEvent,
  Prompt,
  TextEngine,
  Vocabulary,
} from './request.ts';
import type { SamplingFields } from './sampling.ts';
import { Session } from './session.ts';
import { type EngineStats, engineStats, Stopwatch, type Usage } from './stats.ts';

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

export class ConversationEngine implements TextEngine {
  readonly model: ModelFacts;
  readonly #parts: EngineParts;
  readonly #session: Session;
  readonly #prompts: PromptEncoder;
  readonly #onUnloaded: () => Promise<void>;
  readonly #queue = new RequestQueue();
  readonly #events = new EventHub();
  /** Fires when the engine is of no further use; its reason is what every request gets. */
  readonly #over = new AbortController();
  /** Fires when everything that runs or waits is to end; then another takes its place. */
  #interruption = new AbortController();
  #unloading: Promise<void> | undefined;
  #lastUsage: Usage | undefined;

  /** @param onUnloaded called once, when everything on the GPU is freed */
  constructor(parts: EngineParts, facts: ModelFacts, onUnloaded: () => Promise<void> = async () => {}) {
    this.#parts = parts;
    this.#onUnloaded = onUnloaded;
    this.model = facts;
    this.#session = new Session(parts.model);
    this.#prompts = new PromptEncoder(parts.tokenizer, parts.template);
    for (const message of parts.downgrades) this.#events.emit({ type: 'downgrade', message });
    parts.model.lost.catch((error: OutriderError) => this.#fail(error));
  }

  on(listener: EngineListener): () => void {
    return this.#events.on(listener);
  }

  generate(
    request: GenerateRequest,
    { signal }: GenerateOptions = {},
  ): AsyncIterableIterator<GenerationEvent, void, undefined> {
    const stopwatch = new Stopwatch((usage) => {
      this.#lastUsage = usage;
    });
    const linked = linkSignals([signal, this.#over.signal, this.#interruption.signal]);
    return abortableItems(this.#answer(request, stopwatch, linked.signal), linked.signal, linked.unlink);
  }

  async encode(prompt: Prompt): Promise<EncodedPrompt> {
    this.#over.signal.throwIfAborted();
    const ids = this.#prompts.encode(prompt);
    return { ids, text: this.#parts.tokenizer.decode(ids, { skipSpecial: false }) };
  }

  async decode(ids: readonly number[]): Promise<string> {
    this.#over.signal.throwIfAborted();
    return this.#parts.tokenizer.decode(ids, { skipSpecial: false });
  }

  async vocabulary(): Promise<Vocabulary> {
    this.#over.signal.throwIfAborted();
    const { tokenizer, endIds } = this.#parts;
    const bytes = Array.from({ length: tokenizer.numTokens }, (_, id) => tokenizer.bytesOf(id, { skipSpecial: true }));
    return { bytes, endIds: [...endIds] };
  }

  async interrupt(): Promise<void> {
    this.#interruption.abort(new DOMException('The generation was interrupted.', 'AbortError'));
    this.#interruption = new AbortController();
  }

  async stats(): Promise<EngineStats> {
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
    await this.#onUnloaded();
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

  #encode(request: GenerateRequest): readonly number[] {
    const prompt = this.#prompts.encode(request.prompt);
    const { contextLength } = this.#parts.model;
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

  #describe(
    request: GenerateRequest,
    prompt: readonly number[],
    stopwatch: Stopwatch,
  ): Omit<Job, 'choice' | 'samplingAt'> {
    const { model, tokenizer, endIds } = this.#parts;
    return {
      session: this.#session,
      tokenizer,
      endIds: request.ignoreEnd ? new Set() : endIds,
      prompt,
      limit: Math.min(request.maxTokens ?? Number.POSITIVE_INFINITY, model.contextLength - prompt.length),
      stops: request.stops ?? [],
      stopwatch,
      listener: () => (this.#events.hasListeners ? (event) => this.#events.emit(event) : undefined),
      onAnswer: (ids, text) => this.#prompts.remember(request.prompt, text, ids),
    };
  }

  async *#answer(
    request: GenerateRequest,
    stopwatch: Stopwatch,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    const prompt = this.#encode(request);
    const { temperature, topP, topK, minP } = withDefaults(request.sampling, this.#parts.defaults);
    const seed = request.seed ?? drawSeed();
    const job = this.#describe(request, prompt, stopwatch);
    const leave = await this.#queue.enter(signal);
    try {
      stopwatch.start(prompt.length);
      for (let choice = 0; choice < (request.choices ?? 1); choice++) {
        const samplingAt = (position: number) => ({
          ...{ temperature, topP, topK, minP },
          random: uniform(seed, choice, position),
        });
        yield* generateText({ ...job, choice, samplingAt }, signal);
      }
      yield { type: 'usage', usage: stopwatch.usage() };
    } finally {
      leave();
    }
  }
}

function withDefaults(given: GenerateRequest['sampling'], defaults: SamplingFields): SamplingFields {
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(present) };
}
