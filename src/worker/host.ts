/** The worker's side: owns engines and answers for them. */
import type { ModelFacts } from '../engine/facts.ts';
import type { LoadOptions } from '../engine/load.ts';
import type { LoadProgress } from '../engine/progress.ts';
import type { EncodedPrompt, GenerateRequest, Prompt, TextEngine } from '../engine/request.ts';
import type { EngineStats } from '../engine/stats.ts';
import { OutriderError } from '../errors.ts';
import type { ReaderOptions, RemoteLocation } from '../loader/host.ts';
import { readerOver } from '../loader/port.ts';
import type { ModelReader } from '../model/reader.ts';
import { answerCalls, moving } from '../ports/calls.ts';
import { type Packed, packErrors } from '../ports/errors.ts';
import type { FromSender } from '../ports/messages.ts';
import { sendItems } from '../ports/stream.ts';
import type { EngineCalls, RemoteEngine, RemoteLoadOptions, RemoteModel, WireVocabulary } from './protocol.ts';
import { packVocabulary } from './vocabulary.ts';

export type EngineFactory = (reader: ModelReader, name: string, options: LoadOptions) => Promise<TextEngine>;

/** Reads a model in this worker. */
export type ReaderFactory = (source: RemoteLocation, options?: ReaderOptions) => Promise<ModelReader>;

/**
 * Answers a page for one engine, on the port that it connected with.
 * @param openReader for pages that send a source instead of a reader
 */
export function answerPage(port: MessagePort, createEngine: EngineFactory, openReader?: ReaderFactory): void {
  answerCalls(port, new LoadingHost(createEngine, openReader));
}

/** Answers for an engine, as soon as there is one. */
export class EngineHost implements EngineCalls {
  engine: TextEngine | undefined;
  /** What goes on and has a port: each ends it. */
  readonly #open = new Set<() => void>();

  generate(request: GenerateRequest, port: MessagePort, masks?: MessagePort): void {
    const controller = new AbortController();
    const events = this.#loaded().generate(request, { signal: controller.signal, masks });
    const end = () => controller.abort();
    this.#open.add(end);
    void sendItems(port, events, controller).then(() => {
      this.#open.delete(end);
      masks?.close(); // of a request that never began
    });
  }

  encode(prompt: Prompt): Promise<EncodedPrompt> {
    return this.#loaded().encode(prompt);
  }

  decode(ids: readonly number[]): Promise<string> {
    return this.#loaded().decode(ids);
  }

  async vocabulary(): Promise<WireVocabulary> {
    const packed = packVocabulary(await this.#loaded().vocabulary());
    return moving(packed, [packed.bytes.buffer, packed.ends.buffer]);
  }

  interrupt(): Promise<void> {
    return this.#loaded().interrupt();
  }

  listen(port: MessagePort): void {
    const off = this.#loaded().on((event) => sendItem<Packed>(port, packErrors(event)));
    const end = () => {
      this.#open.delete(end);
      off();
      endCall(port);
    };
    this.#open.add(end);
    port.onmessage = end;
  }

  stats(): Promise<EngineStats> {
    return this.#loaded().stats();
  }

  async unload(): Promise<void> {
    await this.engine?.unload();
  }

  /** Ends all that goes on, for a page that is gone and cannot do so itself. */
  endAll(): void {
    for (const end of this.#open) end();
  }

  #loaded(): TextEngine {
    if (this.engine) return this.engine;
    throw new OutriderError('engine_unloaded', 'No model is loaded in this worker. Wait for createEngine.');
  }
}

class LoadingHost extends EngineHost implements RemoteEngine {
  readonly #createEngine: EngineFactory;
  readonly #openReader: ReaderFactory | undefined;

  constructor(createEngine: EngineFactory, openReader: ReaderFactory | undefined) {
    super();
    this.#createEngine = createEngine;
    this.#openReader = openReader;
  }

  async load(
    { name, label, source, readerOptions }: RemoteModel,
    options: RemoteLoadOptions,
    port: MessagePort,
    readerPort?: MessagePort,
  ): Promise<ModelFacts> {
    return withStop(port, async (signal) => {
      const reader = readerPort ? readerOver(readerPort, label) : await this.#openReader!(source!, readerOptions);
      const onProgress = (item: LoadProgress) => sendItem(port, item);
      const engine = await this.#createEngine(reader, name, { ...options, onProgress, signal });
      if (signal.aborted) await engine.unload(); // the page has stopped listening: nobody else would free it
      this.engine = engine;
      return engine.model;
    });
  }
}

export function sendItem<T>(port: MessagePort, item: T): void {
  port.postMessage({ type: 'item', item } satisfies FromSender<T>);
}

function endCall(port: MessagePort): void {
  port.postMessage({ type: 'end' } satisfies FromSender<never>);
  port.close();
}

/** Runs a call whose port can only say stop, and closes the port when it is done. */
export async function withStop<T>(port: MessagePort, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  port.onmessage = () => controller.abort();
  try {
    return await call(controller.signal);
  } finally {
    endCall(port);
  }
}
