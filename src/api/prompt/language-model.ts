/** The session as pages see it: promises, a stream, attributes and events around a `Session`. */
import type { Session } from './session.ts';
import type { LanguageModel, LanguageModelPrompt, LanguageModelPromptOptions, SamplingMode } from './types.ts';

/** Whoever has it may construct sessions: pages get them from `create` and `clone`. */
export const CONSTRUCTION: unique symbol = Symbol('construction');

export class LanguageModelSession extends EventTarget implements LanguageModel {
  oncontextoverflow: LanguageModel['oncontextoverflow'] = null;
  readonly #session: Session;

  /** @param signal destroys the session */
  constructor(key: typeof CONSTRUCTION, session: Session, signal?: AbortSignal) {
    if (key !== CONSTRUCTION) throw new TypeError('Illegal constructor: use LanguageModel.create().');
    super();
    this.#session = session;
    session.onOverflow = () => {
      const event = new Event('contextoverflow');
      this.oncontextoverflow?.(event);
      this.dispatchEvent(event);
    };
    if (!signal) return;
    const destroy = () => session.destroy(signal.reason);
    if (signal.aborted) destroy();
    else signal.addEventListener('abort', destroy, { once: true, signal: session.destroyed });
  }

  get contextUsage(): number {
    return this.#session.usage;
  }

  get contextWindow(): number {
    return this.#session.window;
  }

  get samplingMode(): SamplingMode {
    return this.#session.options.samplingMode;
  }

  async prompt(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<string> {
    let text = '';
    for await (const piece of this.#session.answer(input, options)) text += piece;
    return text;
  }

  promptStreaming(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): ReadableStream<string> {
    const stop = new AbortController();
    const pieces = this.#session.answer(input, options, stop.signal);
    // As fast as it comes: the session's next call waits for this one, whether it is read or not.
    const fill = async (controller: ReadableStreamDefaultController<string>) => {
      try {
        for await (const piece of pieces) controller.enqueue(piece);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
    };
    return new ReadableStream({
      start: (controller) => void fill(controller),
      cancel: (reason) => stop.abort(reason),
    });
  }

  async append(
    input: LanguageModelPrompt,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<undefined> {
    await this.#session.append(input, options.signal);
  }

  measureContextUsage(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<number> {
    return this.#session.measure(input, options);
  }

  async clone({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<LanguageModel> {
    this.#session.destroyed.throwIfAborted();
    signal?.throwIfAborted();
    return new (this.constructor as typeof LanguageModelSession)(CONSTRUCTION, this.#session.clone());
  }

  destroy(): void {
    this.#session.destroy(new DOMException('The session was destroyed.', 'AbortError'));
  }
}
