/** The worker's side: owns engines and answers for them. */
import type { EngineEvent } from '../engine/events.ts';
import type { ModelFacts } from '../engine/facts.ts';
import type { LoadOptions } from '../engine/load.ts';
import type { LoadProgress } from '../engine/progress.ts';
import type { EncodedPrompt, GenerateRequest, Prompt, TextEngine, Vocabulary } from '../engine/request.ts';
import type { EngineStats } from '../engine/stats.ts';
import { OutriderError } from '../errors.ts';
import type { ReaderOptions, RemoteLocation } from '../loader/host.ts';
import { readerOver } from '../loader/port.ts';
import type { ModelReader } from '../model/reader.ts';
import { answerCalls } from '../ports/calls.ts';
import { toWireError, type WireError } from '../ports/errors.ts';
import type { FromSender } from '../ports/messages.ts';
import { sendItems } from '../ports/stream.ts';
import type { RemoteEngine, RemoteLoadOptions, RemoteModel } from './protocol.ts';

/** An event as it crosses: errors are not cloned as they are. */
export type WireEvent = Exclude<EngineEvent, { type: 'device_lost' }> | { type: 'device_lost'; error: WireError };

export type EngineFactory = (reader: ModelReader, name: string, options: LoadOptions) => Promise<TextEngine>;

/** Reads a model in this worker. */
export type ReaderFactory = (source: RemoteLocation, options?: ReaderOptions) => Promise<ModelReader>;

/**
 * Answers a page for one engine, on the port that it connected with.
 * @param openReader for pages that send a source instead of a reader
 */
export function answerPage(port: MessagePort, createEngine: EngineFactory, openReader?: ReaderFactory): void {
  answerCalls(port, new EngineHost(createEngine, openReader));
}

class EngineHost implements RemoteEngine {
  readonly #createEngine: EngineFactory;
  readonly #openReader: ReaderFactory | undefined;
  #engine: TextEngine | undefined;

  constructor(createEngine: EngineFactory, openReader: ReaderFactory | undefined) {
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
      const onProgress = (item: LoadProgress) =>
        port.postMessage({ type: 'item', item } satisfies FromSender<LoadProgress>);
      const engine = await this.#createEngine(reader, name, { ...options, onProgress, signal });
      if (signal.aborted) await engine.unload(); // the page has stopped listening: nobody else would free it
      this.#engine = engine;
      return engine.model;
    });
  }

  generate(request: GenerateRequest, port: MessagePort, masks?: MessagePort): void {
    const controller = new AbortController();
    const events = this.#loaded().generate(request, { signal: controller.signal, masks });
    void sendItems(port, events, controller);
  }

  encode(prompt: Prompt): Promise<EncodedPrompt> {
    return this.#loaded().encode(prompt);
  }

  decode(ids: readonly number[]): Promise<string> {
    return this.#loaded().decode(ids);
  }

  vocabulary(): Promise<Vocabulary> {
    return this.#loaded().vocabulary();
  }

  interrupt(): Promise<void> {
    return this.#loaded().interrupt();
  }

  listen(port: MessagePort): void {
    const off = this.#loaded().on((event) => {
      const item: WireEvent = event.type === 'device_lost' ? { ...event, error: toWireError(event.error) } : event;
      port.postMessage({ type: 'item', item } satisfies FromSender<WireEvent>);
    });
    port.onmessage = () => {
      off();
      endCall(port);
    };
  }

  stats(): Promise<EngineStats> {
    return this.#loaded().stats();
  }

  async unload(): Promise<void> {
    await this.#engine?.unload();
  }

  #loaded(): TextEngine {
    if (this.#engine) return this.#engine;
    throw new OutriderError('engine_unloaded', 'No model is loaded in this worker. Wait for createEngine.');
  }
}

function endCall(port: MessagePort): void {
  port.postMessage({ type: 'end' } satisfies FromSender<never>);
  port.close();
}

/** Runs a call whose port can only say stop, and closes the port when it is done. */
async function withStop<T>(port: MessagePort, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  port.onmessage = () => controller.abort();
  try {
    return await call(controller.signal);
  } finally {
    endCall(port);
  }
}
