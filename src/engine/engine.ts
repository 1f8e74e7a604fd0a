/** A loaded model in this thread: one session on the GPU, and a queue before it. */
import type { ChatTemplate } from '../chat/template.ts';
import { OutriderError } from '../errors.ts';
import type { LoadedModel } from '../model/load.ts';
import { abortableItems, Interruption, linkSignals } from '../ports/abortable.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { checkRequest } from './check.ts';
import { Constraint } from './constraint.ts';
import { type EngineListener, EventHub } from './events.ts';
import type { ModelFacts } from './facts.ts';
import { generateText, type Job } from './generation.ts';
import { type FittedPrompt, PromptEncoder } from './prompts.ts';
import { RequestQueue } from './queue.ts';
import { drawSeed } from './random.ts';
import type {
  EncodedPrompt,
  GenerateOptions,
  GenerateRequest,
  GenerationEvent,
  Prompt,
  TextEngine,
  Vocabulary,
} from './request.ts';
import { RequestSampling } from './request-sampling.ts';
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
  /** What the prefix cache may take on the GPU; 0: no cache. */
  readonly prefixCacheBytes: number;
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
  readonly #interruption = new Interruption();
  #unloading: Promise<void> | undefined;
  #lastUsage: Usage | undefined;

  /** @param onUnloaded called once, when everything on the GPU is freed */
  constructor(parts: EngineParts, facts: ModelFacts, onUnloaded: () => Promise<void> = async () => {}) {
    this.#parts = parts;
    this.#onUnloaded = onUnloaded;
    this.model = facts;
    this.#session = new Session(parts.model, parts.prefixCacheBytes);
    this.#prompts = new PromptEncoder(parts.tokenizer, parts.template);
    for (const message of parts.downgrades) this.#events.emit({ type: 'downgrade', message });
    parts.model.lost.catch((error: OutriderError) => this.#fail(error));
  }

  on(listener: EngineListener): () => void {
    return this.#events.on(listener);
  }

  generate(
    request: GenerateRequest,
    { signal, masks }: GenerateOptions = {},
  ): AsyncIterableIterator<GenerationEvent, void, undefined> {
    const stopwatch = new Stopwatch();
    const linked = linkSignals([signal, this.#over.signal, this.#interruption.signal]);
    const end = () => {
      linked.unlink();
      masks?.close();
    };
    return abortableItems(this.#answer(request, masks, stopwatch, linked.signal), linked.signal, end);
  }

  async encode(prompt: Prompt): Promise<EncodedPrompt> {
    if (this.#unloading) throw this.#over.signal.reason; // a lost device takes no text with it: answers may go on elsewhere
    const ids = this.#prompts.encode(prompt);
    const text = this.#parts.tokenizer.decode(ids, { skipSpecial: false });
    return { ids, text, misreadable: this.#prompts.isMisreadable(ids, text) };
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
    this.#interruption.interrupt();
  }

  async stats(): Promise<EngineStats> {
    this.#over.signal.throwIfAborted();
    return engineStats(this.#parts.model, this.#session, this.#lastUsage);
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
    this.#session.close();
    this.#parts.model.destroy();
    await this.#onUnloaded();
  }

  #fail(error: OutriderError): void {
    if (this.#over.signal.aborted) return;
    this.#close(error);
    this.#session.close();
    this.#events.emit({ type: 'device_lost', error });
  }

  #close(error: OutriderError): void {
    this.#over.abort(error);
    this.#queue.close(error);
  }

  #describe(
    request: GenerateRequest,
    prompt: FittedPrompt,
    stopwatch: Stopwatch,
  ): Omit<Job, 'choice' | 'samplingAt' | 'adjustment' | 'constraint'> {
    const { model, tokenizer, endIds } = this.#parts;
    return {
      session: this.#session,
      tokenizer,
      endIds: request.ignoreEnd ? new Set() : endIds,
      prompt: prompt.ids,
      limit: Math.min(request.maxTokens ?? Number.POSITIVE_INFINITY, model.contextLength - prompt.ids.length),
      stops: request.stops ?? [],
      stopwatch,
      listener: () =>
        this.#events.hasListeners ? (event) => this.#events.emit(event, request.client ?? '') : undefined,
      onAnswer: prompt.remember,
    };
  }

  async *#answer(
    request: GenerateRequest,
    masks: MessagePort | undefined,
    stopwatch: Stopwatch,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    const { tokenizer, model, defaults } = this.#parts;
    checkRequest(request, tokenizer.numTokens);
    const prompt = this.#prompts.fit(request, model.contextLength);
    const sampling = new RequestSampling(request, defaults, tokenizer.numTokens, drawSeed());
    const constraint = masks && new Constraint(masks, signal, tokenizer.numTokens, sampling.allowed);
    const job = this.#describe(request, prompt, stopwatch);
    const { client = '' } = request;
    const leave = await this.#queue.enter(signal, client);
    try {
      this.#announce(prompt, constraint !== undefined, client);
      stopwatch.start(prompt.ids.length);
      for (let choice = 0; choice < (request.choices ?? 1); choice++) {
        const samplingAt = (position: number) => sampling.at(choice, position, constraint?.mask);
        yield* generateText({ ...job, choice, samplingAt, adjustment: sampling.adjustment, constraint }, signal);
      }
      const usage = stopwatch.usage();
      this.#lastUsage = usage;
      this.#events.emit({ type: 'stats', usage }, client);
      yield { type: 'usage', usage };
    } finally {
      leave();
    }
  }

  #announce({ omitted, ids }: FittedPrompt, isConstrained: boolean, client: string): void {
    if (omitted > 0) this.#events.emit({ type: 'truncated', messages: omitted, promptTokens: ids.length }, client);
    if (isConstrained) this.#events.emit({ type: 'constrained', depth: 1 }, client);
  }
}
