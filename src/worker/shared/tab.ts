/** A page's part in an engine that several share: its own requests, and nobody else's. */
import type { EngineListener } from '../../engine/events.ts';
import type { ModelFacts } from '../../engine/facts.ts';
import type {
  EncodedPrompt,
  GenerateOptions,
  GenerateRequest,
  GenerationEvent,
  Prompt,
  TextEngine,
  Vocabulary,
} from '../../engine/request.ts';
import type { EngineStats } from '../../engine/stats.ts';
import { abortableItems, Interruption, linkSignals } from '../../ports/abortable.ts';
import { Channel } from '../../ports/channel.ts';

export class TabEngine implements TextEngine {
  readonly #shared: TextEngine;
  readonly #client: string;
  readonly #left: AbortSignal;
  readonly #leave: () => Promise<void>;
  readonly #interruption = new Interruption();

  /**
   * @param client tells this tab's requests from others'
   * @param left fires when the tab takes no part any more; its reason is what its requests get
   * @param leave what `unload` does: the engine itself goes with its last tab
   */
  constructor(shared: TextEngine, client: string, left: AbortSignal, leave: () => Promise<void>) {
    this.#shared = shared;
    this.#client = client;
    this.#left = left;
    this.#leave = leave;
  }

  get model(): ModelFacts {
    return this.#shared.model;
  }

  generate(
    request: GenerateRequest,
    { signal, masks }: GenerateOptions = {},
  ): AsyncIterableIterator<GenerationEvent, void, undefined> {
    const linked = linkSignals([signal, this.#left, this.#interruption.signal]);
    const own = { ...request, client: `${this.#client} ${request.client ?? ''}` };
    const events = this.#shared.generate(own, { signal: linked.signal, masks });
    return abortableItems(readAhead(events), linked.signal, linked.unlink);
  }

  encode(prompt: Prompt): Promise<EncodedPrompt> {
    return this.#shared.encode(prompt);
  }

  decode(ids: readonly number[]): Promise<string> {
    return this.#shared.decode(ids);
  }

  vocabulary(): Promise<Vocabulary> {
    return this.#shared.vocabulary();
  }

  /** Stops what this tab has asked for. */
  async interrupt(): Promise<void> {
    this.#interruption.interrupt();
  }

  /** What concerns this tab's requests, or everybody. */
  on(listener: EngineListener): () => void {
    return this.#shared.on((event, client) => {
      if (client === undefined || client.startsWith(this.#client)) listener(event);
    });
  }

  stats(): Promise<EngineStats> {
    return this.#shared.stats();
  }

  unload(): Promise<void> {
    return this.#leave();
  }
}

/**
 * From the first item on, takes all as fast as they come: a page that reads slowly, or sleeps in the background, does not hold
 * up the others. What is unread is bounded by the context.
 */
async function* readAhead<T>(items: AsyncIterableIterator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
  const unread = new Channel<T>();
  const reading = (async () => {
    try {
      for await (const item of items) unread.push(item);
    } finally {
      unread.close();
    }
  })();
  reading.catch(() => {}); // thrown below, unless the reader has left
  try {
    yield* unread;
    await reading;
  } finally {
    void items.return?.().catch(() => {});
  }
}
