/** One prompt's way: answered here as far as that goes, then continued at the server. */
import type { GenerateRequest, GenerationEvent, TextEngine } from '../../engine/request.ts';
import type { OutriderError } from '../../errors.ts';
import type { GrammarSpec } from '../grammars.ts';
import type { FallbackReason, RemoteMark } from '../types-common.ts';
import { type Begun, beginAgain, continuationFields, continuedEvents, openContinuation } from './continuation.ts';
import { notMovable } from './fields.ts';
import type { RemoteServer } from './server.ts';
import { Tally, usageOf } from './tally.ts';

/** What a detour needs of the fallback that it belongs to. */
export interface Way {
  readonly engine: Pick<TextEngine, 'encode' | 'model'>;
  readonly server: RemoteServer;
  /** Why nothing can be computed here any more; undefined while it can. */
  readonly failure: OutriderError | undefined;
  /** @returns the error, where it lets an answer go elsewhere. @throws it, where not */
  admit(error: unknown): OutriderError;
  /** Tells listeners. */
  announce(mark: RemoteMark): void;
}

export interface DetourOptions {
  readonly request: GenerateRequest;
  readonly grammar: GrammarSpec | undefined;
  /** Fires when the answer is not wanted any more. */
  readonly signal: AbortSignal;
}

/** What the server has to answer from the beginning. */
export interface Rest {
  /** And those after it. */
  readonly choice: number;
  readonly error: OutriderError;
}

export class Detour {
  readonly tally = new Tally();
  readonly #way: Way;
  readonly #options: DetourOptions;
  /** Text of each choice so far, and how many pieces it came in. */
  readonly #texts: string[] = [];
  #pieces = 0;
  #finished = 0;
  #mark: RemoteMark | undefined;
  #rest: Rest | undefined;

  constructor(way: Way, options: DetourOptions) {
    this.#way = way;
    this.#options = options;
  }

  /** Of the event that was given out last; undefined for what was computed here. */
  get mark(): RemoteMark | undefined {
    return this.#mark;
  }

  /** After the last event; undefined where nothing is left. */
  get rest(): Rest | undefined {
    return this.#rest;
  }

  /**
   * Ends with `usage`, or before it with a `rest`. A conversation without an answer so far is left to the rest: the server
   * knows its own template best. So is one whose answer has a form or log-probabilities: these cannot be continued.
   */
  async *events(generated: AsyncIterable<GenerationEvent>): AsyncGenerator<GenerationEvent, void, undefined> {
    let error = this.#way.failure;
    if (!error) {
      try {
        for await (const event of generated) {
          this.#note(event);
          yield event;
        }
        return;
      } catch (thrown) {
        error = this.#way.admit(thrown);
      }
    }
    this.#options.signal.throwIfAborted();
    await this.#countFinished();
    for (let choice = this.#finished; choice < (this.#options.request.choices ?? 1); choice++) {
      const events = await this.#continue(choice, error);
      if (!events) {
        this.#rest = { choice, error };
        return;
      }
      yield* events;
    }
    yield { type: 'usage', usage: this.tally.usage() };
  }

  /** A choice comes from elsewhere now. */
  enter(error: OutriderError, answer: RemoteMark['answer'], superseded = 0): RemoteMark {
    const { origin, model } = this.#way.server;
    const reason = error.code as FallbackReason;
    this.#mark = { origin, model, reason, answer, ...(superseded > 0 && { superseded }) };
    this.#way.announce(this.#mark);
    return this.#mark;
  }

  #note(event: GenerationEvent): void {
    if (event.type === 'usage') return;
    this.#texts[event.choice] ??= '';
    if (event.type === 'end') {
      this.#finished = event.choice + 1;
      this.#pieces = 0;
      return;
    }
    this.tally.piece();
    this.#pieces++;
    this.#texts[event.choice] += event.text;
  }

  /** Choices that were given out whole, before. */
  async #countFinished(): Promise<void> {
    for (const text of this.#texts.slice(0, this.#finished)) {
      const begun = await beginAgain(this.#way.engine, this.#options.request.prompt, text, 0);
      this.tally.completion(begun?.spent ?? 0);
    }
  }

  async #continue(
    choice: number,
    error: OutriderError,
  ): Promise<AsyncGenerator<GenerationEvent, void, undefined> | undefined> {
    const { request, grammar, signal } = this.#options;
    const { prompt, logprobs, maxTokens } = request;
    const { engine, server } = this.#way;
    const text = this.#texts[choice] ?? '';
    const isConversation = 'messages' in prompt;
    const isBound = grammar !== undefined || logprobs !== undefined;
    if (isConversation && (isBound || (text === '' && !prompt.answer))) return undefined;
    if (isBound) throw notMovable(error, 'a text is continued there without grammar and logprobs');
    const begun = await beginAgain(engine, prompt, text, text === '' ? 0 : this.#pieces);
    if (!begun) return this.#orRefuse(isConversation, error, 'the text so far cannot be told');
    const { variants, promptTokens, spent } = begun;
    const limit = (maxTokens ?? engine.model.contextLength - (promptTokens ?? 0)) - spent;
    if (limit <= 0) return this.#ended(choice, begun);
    const chunks = await openContinuation(server, variants, continuationFields(request, engine, choice, limit), signal);
    if (!chunks)
      return this.#orRefuse(isConversation, error, `${server.origin} has no /completions that takes the prompt`);
    this.enter(error, text === '' ? 'whole' : 'continued');
    this.#count(begun);
    return continuedEvents(chunks, choice, request.stops ?? [], (chunk) => {
      this.tally.piece();
      const usage = usageOf(chunk);
      if (!usage) return;
      this.tally.prompt(usage.prompt);
      this.tally.completion(usage.completion);
    });
  }

  #orRefuse(isConversation: boolean, error: OutriderError, why: string): undefined {
    if (!isConversation) throw notMovable(error, why);
  }

  /** The device was lost after the last token that was asked for. */
  async *#ended(choice: number, begun: Begun): AsyncGenerator<GenerationEvent, void, undefined> {
    this.#count(begun);
    yield { type: 'end', choice, finishReason: 'length' };
  }

  #count({ promptTokens = 0, spent }: Begun): void {
    this.tally.prompt(promptTokens);
    this.tally.completion(spent);
  }
}
