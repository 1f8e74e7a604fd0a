/** A session of the Prompt API: a conversation that grows, forgets its oldest turns when it must, and can be cloned. */
import { abortable, linkSignals } from '../../ports/abortable.ts';
import type { Fields } from '../fields.ts';
import type { ChatCompletions, ChatMessage, FunctionTool } from '../types.ts';
import { parseConstraint, withInstruction } from './constraint.ts';
import { quotaExceeded, toDOMException } from './errors.ts';
import { canonicalize } from './messages.ts';
import type { SessionOptions } from './options.ts';
import { answerTurn, describeTools, type TurnResult } from './turn.ts';
import type { LanguageModelPrompt, LanguageModelPromptOptions } from './types.ts';

/** What a session needs of an engine. */
export interface SessionEngine {
  readonly completions: ChatCompletions;
  /** Tokens, prompt and answer together. */
  readonly contextLength: number;
  /** Tokens of a conversation, the header of the answer included. */
  count(messages: readonly ChatMessage[], tools: readonly FunctionTool[]): Promise<number>;
}

interface Turn {
  readonly messages: readonly ChatMessage[];
}

/** What is not shared with clones. */
export interface SessionState {
  /** Prompts with their answers, oldest first; the initial ones apart. */
  readonly turns: readonly Turn[];
  /** Tokens. */
  readonly usage: number;
}

type Answer = AsyncGenerator<string, void, undefined>;

export class Session {
  readonly options: SessionOptions;
  readonly #engine: SessionEngine;
  /** Called when the oldest turns were forgotten. */
  onOverflow = () => {};
  readonly #destruction = new AbortController();
  #turns: Turn[];
  #usage: number;
  /** Settles when the last of the calls so far has ended: they take turns. */
  #last: Promise<void> = Promise.resolve();

  constructor(engine: SessionEngine, options: SessionOptions, state: SessionState) {
    this.#engine = engine;
    this.options = options;
    this.#turns = [...state.turns];
    this.#usage = state.usage;
  }

  get usage(): number {
    return this.#usage;
  }

  get window(): number {
    return this.#engine.contextLength;
  }

  /** Another one that goes on from here. */
  clone(): Session {
    return new Session(this.#engine, this.options, { turns: this.#turns, usage: this.#usage });
  }

  /** Fires when the session is destroyed. */
  get destroyed(): AbortSignal {
    return this.#destruction.signal;
  }

  destroy(reason: unknown): void {
    this.#destruction.abort(reason);
  }

  /** The answer's text as it comes; its turn is that of the first `next`. When it is aborted, or fails, the session is as it was before. */
  async *answer(input: LanguageModelPrompt, options: LanguageModelPromptOptions, stop?: AbortSignal): Answer {
    const { signal, unlink } = linkSignals([this.destroyed, options.signal, stop]);
    try {
      signal.throwIfAborted();
      const leave = await this.#enter(signal);
      try {
        const { messages, prefix } = canonicalize(input, this.#hasBegun);
        const constraint = await parseConstraint(options);
        const asked = withInstruction(messages, constraint?.instruction);
        await this.#makeRoom(asked, signal);
        const { answer, text, tokens, isCut } = yield* this.#stream(asked, prefix, constraint?.fields ?? {}, signal);
        if (isCut && constraint && !constraint.isMetBy(text)) {
          throw new DOMException('The context ended before the answer met its constraint.', 'SyntaxError');
        }
        this.#turns.push({ messages: [...(prefix ? asked.slice(0, -1) : asked), ...answer] });
        this.#usage = tokens;
      } finally {
        leave();
      }
    } catch (error) {
      throw signal.aborted ? signal.reason : toDOMException(error, 'UnknownError');
    } finally {
      unlink();
    }
  }

  /** The messages become a turn without an answer; they are read with the next prompt. */
  async append(input: LanguageModelPrompt, signal: AbortSignal | undefined): Promise<void> {
    return this.#run(signal, async (linked) => {
      const leave = await this.#enter(linked);
      try {
        const { messages, prefix } = canonicalize(input, this.#hasBegun);
        if (prefix)
          throw new DOMException('A prefix needs an answer that goes on after it: use prompt.', 'SyntaxError');
        const usage = await this.#makeRoom(messages, linked);
        this.#turns.push({ messages });
        this.#usage = usage;
      } finally {
        leave();
      }
    });
  }

  /** Tokens that a prompt would add. */
  async measure(input: LanguageModelPrompt, options: LanguageModelPromptOptions): Promise<number> {
    return this.#run(options.signal, async (signal) => {
      const constraint = await parseConstraint(options);
      const { messages } = canonicalize(input, false);
      const before = this.#messages(this.#turns);
      const isSystem = messages[0]!.role === 'system'; // what is measured need not be possible here
      const after = isSystem ? messages : [...before, ...withInstruction(messages, constraint?.instruction)];
      const [base, total] = await Promise.all([isSystem ? 0 : this.#count(before, signal), this.#count(after, signal)]);
      return total - base;
    });
  }

  get #hasBegun(): boolean {
    return this.options.initial.length > 0 || this.#turns.length > 0;
  }

  #messages(turns: readonly Turn[]): readonly ChatMessage[] {
    return [...this.options.initial, ...turns.flatMap(({ messages }) => messages)];
  }

  #count(messages: readonly ChatMessage[], signal: AbortSignal): Promise<number> {
    if (messages.length === 0) return Promise.resolve(0);
    return abortable(this.#engine.count(messages, describeTools(this.options.tools)), signal);
  }

  async #run<T>(given: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, unlink } = linkSignals([this.destroyed, given]);
    try {
      signal.throwIfAborted();
      return await call(signal);
    } catch (error) {
      throw signal.aborted ? signal.reason : toDOMException(error, 'UnknownError');
    } finally {
      unlink();
    }
  }

  /** Waits for the calls before this one. @returns what lets the next one in */
  async #enter(signal: AbortSignal): Promise<() => void> {
    const before = this.#last;
    let leave = () => {};
    const ended = new Promise<void>((resolve) => {
      leave = resolve;
    });
    this.#last = before.then(() => ended);
    try {
      await abortable(before, signal);
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /**
   * Forgets as few of the oldest turns as have to be for `messages` and a token of the answer to fit.
   * @returns tokens of what is there then, `messages` included
   * @throws DOMException `QuotaExceededError`, and nothing is forgotten, where that is not possible
   */
  async #makeRoom(messages: readonly ChatMessage[], signal: AbortSignal): Promise<number> {
    let requested: number | undefined;
    for (let gone = 0; gone <= this.#turns.length; gone++) {
      const kept = this.#turns.slice(gone);
      const tokens = await this.#count([...this.#messages(kept), ...messages], signal);
      requested ??= tokens;
      if (tokens >= this.window) continue;
      this.#turns = kept;
      if (gone > 0) this.onOverflow();
      return tokens;
    }
    throw quotaExceeded({ requested: requested!, quota: this.window });
  }

  #stream(
    asked: readonly ChatMessage[],
    prefix: boolean,
    fields: Fields,
    signal: AbortSignal,
  ): AsyncGenerator<string, TurnResult, undefined> {
    const { tools, sampling } = this.options;
    return answerTurn({
      completions: this.#engine.completions,
      messages: [...this.#messages(this.#turns), ...asked],
      prefix,
      tools,
      fields: { ...sampling, ...fields },
      signal,
    });
  }
}
