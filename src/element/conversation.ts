/** What an element does apart from showing it: one conversation, one engine at a time, at most one answer in the making. Pure. */
import { OutriderError } from '../errors.ts';
import type { LoadProgress } from '../index.ts';
import { type AnswerSoFar, type OpenAILike, type ShownToolCall, streamAnswer } from './stream.ts';

/** A message as OpenAI writes it. */
export type ElementMessage =
  | { readonly role: 'system' | 'developer' | 'user'; readonly content: string }
  | {
      readonly role: 'assistant';
      readonly content: string | null;
      readonly tool_calls?: readonly ShownToolCall[] | undefined;
    }
  | { readonly role: 'tool'; readonly content: string; readonly tool_call_id: string };

/** `writing`: not at its end yet; `length`: cut off at the token limit. */
export type Outcome = 'writing' | 'complete' | 'length' | 'stopped' | 'failed';

/** A message in its place. */
export interface Entry {
  /** Never used twice. */
  readonly key: number;
  readonly message: ElementMessage;
  readonly outcome: Outcome;
  /** Where a part of an answer was computed, if not on this machine: a server's address. */
  readonly computedAt?: string | undefined;
  /** What this machine had written of an answer before a server answered anew; the model does not see it again. */
  readonly abandoned?: string | undefined;
}

/** `idle`: no engine is loaded; `ready`: one waits for a question; `failed`: see `failure`. */
export type ChatState = 'idle' | 'loading' | 'ready' | 'answering' | 'failed';

/** An engine for as long as it is needed. */
export interface Lease {
  readonly engine: Promise<OpenAILike>;
  /** Aborted when the engine is of no further use, with an error as its reason. */
  readonly lost?: AbortSignal;
  release(at?: 'once'): void;
}

/** Runs a tool; what it returns is the tool's answer to the model. */
export type ToolRunner = (call: ShownToolCall) => string | Promise<string>;

/** What a conversation asks of whoever shows it, and tells it. */
export interface ConversationHost {
  /** @throws OutriderError `invalid_request` where nothing says which engine */
  lease(onProgress: (progress: LoadProgress) => void): Lease;
  /** Fields of the next request, but for the messages. @throws OutriderError `invalid_request` */
  request(): Readonly<Record<string, unknown>>;
  /** undefined: calls are shown, and it is for the app to answer them. */
  toolRunner(): ToolRunner | undefined;
  systemPrompt(): string;
  /** Something is to be shown differently. */
  onChange(): void;
  onProgress(progress: LoadProgress): void;
  onReady(): void;
  /** A piece of the answer's text; not called for its end. */
  onPiece(text: string): void;
  /** A message is complete, whoever wrote it. */
  onMessage(entry: Entry): void;
  onFailure(error: unknown): void;
}

/** A model that calls tools again and again without answering is stopped after so many rounds. */
const maxToolRounds = 8;

export class Conversation {
  readonly #host: ConversationHost;
  #entries: readonly Entry[] = [];
  #nextKey = 0;
  #lease: Lease | undefined;
  #isLoaded = false;
  /** Of the question that is being answered, from before the engine is there. */
  #running: AbortController | undefined;
  #failure: unknown;
  #progress: LoadProgress | undefined;

  constructor(host: ConversationHost) {
    this.#host = host;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get state(): ChatState {
    if (this.#failure !== undefined) return 'failed';
    if (this.#lease && !this.#isLoaded) return 'loading';
    if (this.#running) return 'answering';
    return this.#isLoaded ? 'ready' : 'idle';
  }

  /** Whether a question waits for its answer: the next one has to wait too. */
  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  get failure(): unknown {
    return this.#failure;
  }

  /** Of loading; undefined where nothing loads. */
  get progress(): LoadProgress | undefined {
    return this.#progress;
  }

  /** Replaces the whole conversation. What is being answered is stopped. */
  set(messages: readonly ElementMessage[]): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#failure = undefined;
    this.#entries = messages.map((message) => this.#entry(message, 'complete'));
    this.#host.onChange();
  }

  /**
   * Asks, and resolves with the answer's text; '' where it was stopped before its first word.
   * @throws whatever loading or answering throws; it is shown too
   */
  ask(text: string): Promise<string> {
    this.#mustBeFree();
    const entry = this.#entry({ role: 'user', content: text }, 'complete');
    this.#entries = [...this.#entries, entry];
    this.#host.onMessage(entry);
    return this.#run();
  }

  /** Answers again what was asked last, or loads again where nothing waits for an answer. */
  async retry(): Promise<string> {
    this.#mustBeFree();
    const last = this.#entries.at(-1);
    const isAnswered = !last || (last.message.role === 'assistant' && last.outcome !== 'failed');
    if (this.#failure !== undefined && isAnswered) {
      await this.load();
      return '';
    }
    const question = this.#entries.findLastIndex(({ message }) => message.role !== 'assistant');
    this.#entries = this.#entries.slice(0, question + 1);
    return this.#run();
  }

  /** Loads the engine before it is needed. @throws as loading does; it is shown too */
  async load(): Promise<void> {
    this.#failure = undefined;
    try {
      await this.#engine();
    } catch (error) {
      if (isAbort(error)) return;
      this.#fail(error);
      throw error;
    }
  }

  /** Stops what loads and what answers; what is there already stays. */
  stop(): void {
    this.#running?.abort();
    if (this.state === 'loading') this.release('once');
  }

  /** Lets the engine go; the next question takes the one that is right then. */
  release(at?: 'once'): void {
    this.#running?.abort();
    this.#lease?.release(at);
    this.#lease = undefined;
    this.#isLoaded = false;
    this.#progress = undefined;
    this.#host.onChange();
  }

  async #run(): Promise<string> {
    const running = new AbortController();
    this.#running = running;
    this.#failure = undefined;
    this.#host.onChange();
    let lost: AbortSignal | undefined;
    try {
      const engine = await this.#engine();
      lost = this.#lease?.lost;
      return await this.#converse(engine, running.signal);
    } catch (error) {
      if (running.signal.aborted) return '';
      const cause = lost?.aborted ? lost.reason : error; // a lost engine is unloaded, and says only that
      if (this.#running === running) this.#fail(cause);
      throw cause;
    } finally {
      if (this.#running === running) this.#running = undefined;
      this.#host.onChange();
    }
  }

  /** Answers, and goes on answering while tools are called that can be run. */
  async #converse(engine: OpenAILike, signal: AbortSignal): Promise<string> {
    for (let round = 0; round < maxToolRounds; round++) {
      const { text, toolCalls } = await this.#answer(engine, signal);
      const run = this.#host.toolRunner();
      if (signal.aborted || toolCalls.length === 0 || !run) return text;
      for (const call of toolCalls) {
        const content = await runTool(run, call);
        signal.throwIfAborted();
        const entry = this.#entry({ role: 'tool', content, tool_call_id: call.id }, 'complete');
        this.#entries = [...this.#entries, entry];
        this.#host.onMessage(entry);
      }
    }
    const message = `The model called tools ${maxToolRounds} times without answering. Ask in other words, or offer other tools.`;
    throw new OutriderError('invalid_request', message, { details: { rounds: maxToolRounds } });
  }

  async #answer(engine: OpenAILike, signal: AbortSignal): Promise<AnswerSoFar> {
    signal.throwIfAborted();
    const request = { ...this.#host.request(), messages: this.#requestMessages() };
    const { key } = this.#add({ role: 'assistant', content: '' });
    let answer: AnswerSoFar = { text: '', toolCalls: [] };
    try {
      answer = await streamAnswer(engine, request, signal, (soFar, piece) => {
        answer = soFar;
        this.#update(key, soFar, 'writing');
        if (piece !== '' && !signal.aborted) this.#host.onPiece(piece);
      });
      this.#end(key, answer, answer.finishReason === 'length' ? 'length' : 'complete');
      return answer;
    } catch (error) {
      this.#end(key, answer, signal.aborted ? 'stopped' : 'failed');
      if (signal.aborted) return answer;
      throw error;
    }
  }

  async #engine(): Promise<OpenAILike> {
    const lease = this.#lease ?? this.#take();
    try {
      const engine = await lease.engine;
      if (this.#lease === lease && !this.#isLoaded) {
        this.#isLoaded = true;
        this.#progress = undefined;
        this.#host.onReady();
        this.#host.onChange();
      }
      return engine;
    } catch (error) {
      lease.release();
      if (this.#lease === lease) this.#lease = undefined;
      this.#progress = undefined;
      throw error;
    }
  }

  #take(): Lease {
    const lease = this.#host.lease((progress) => {
      if (this.#isLoaded) return; // shared with an element that loaded it before
      this.#progress = progress;
      this.#host.onProgress(progress);
      this.#host.onChange();
    });
    lease.lost?.addEventListener('abort', () => this.#onLost(lease));
    this.#lease = lease;
    this.#host.onChange();
    return lease;
  }

  #onLost(lease: Lease): void {
    if (this.#lease !== lease) return;
    const isAnswering = this.#running !== undefined;
    lease.release();
    this.#lease = undefined;
    this.#isLoaded = false;
    if (!isAnswering) this.#fail(lease.lost?.reason); // else the answer's own rejection tells
  }

  /** A load that fails tells everybody who waited for it; that is one failure. */
  #fail(error: unknown): void {
    if (this.#failure === error) return;
    this.#failure = error;
    this.#host.onFailure(error);
    this.#host.onChange();
  }

  #mustBeFree(): void {
    if (!this.#running) return;
    const message = 'An answer is being written. Wait for its end, or call stop() first.';
    throw new OutriderError('invalid_request', message);
  }

  /** An answer without a word says nothing to the model. */
  #requestMessages(): ElementMessage[] {
    const said = this.#entries.map(({ message }) => message).filter(saysSomething);
    const prompt = this.#host.systemPrompt();
    return prompt === '' ? said : [{ role: 'system', content: prompt }, ...said];
  }

  #entry(message: ElementMessage, outcome: Outcome): Entry {
    return { key: this.#nextKey++, message, outcome };
  }

  #add(message: ElementMessage): Entry {
    const entry = this.#entry(message, 'writing');
    this.#entries = [...this.#entries, entry];
    this.#host.onChange();
    return entry;
  }

  /** Does nothing where the conversation was replaced meanwhile. */
  #update(key: number, answer: AnswerSoFar, outcome: Outcome): Entry | undefined {
    const { text, toolCalls, computedAt, abandoned } = answer;
    const at = this.#entries.findLastIndex((entry) => entry.key === key);
    if (at < 0) return undefined;
    const calls = toolCalls.length > 0 ? { tool_calls: toolCalls } : {};
    const content = text === '' && toolCalls.length > 0 ? null : text;
    const entry: Entry = { key, message: { role: 'assistant', content, ...calls }, outcome, computedAt, abandoned };
    this.#entries = this.#entries.with(at, entry);
    this.#host.onChange();
    return entry;
  }

  #end(key: number, answer: AnswerSoFar, outcome: Outcome): void {
    const entry = this.#update(key, answer, outcome);
    if (entry) this.#host.onMessage(entry);
  }
}

/** Whether a message has text or calls. */
export function saysSomething(message: ElementMessage): boolean {
  return Boolean(message.content) || (message.role === 'assistant' && Boolean(message.tool_calls?.length));
}

/** A tool that fails tells the model so; only it can decide what to do instead. */
async function runTool(run: ToolRunner, call: ShownToolCall): Promise<string> {
  try {
    return await run(call);
  } catch (error) {
    return `Error: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const isAbort = (error: unknown) => error instanceof DOMException && error.name === 'AbortError';
