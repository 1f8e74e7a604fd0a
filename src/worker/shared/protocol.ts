/**
 * What is said between the pages of an origin and the SharedWorker whose engines they share.
 *
 * Each engine that a page asks for is a tab of its own here: it has a port for its calls, a lock that it holds as long as it
 * lives, and a port on which it answers when it is asked to read the model.
 */
import type { ModelFacts } from '../../engine/facts.ts';
import type { EngineCalls, RemoteLoadOptions } from '../protocol.ts';

/** The calls of a tab. A port argument is transferred. */
export interface RemoteTab extends EngineCalls {
  /** Asks for an adapter, because only that tells whether WebGPU can be used in this worker. */
  probe(powerPreference: GPUPowerPreference | undefined): Promise<Probe>;
  /**
   * Loads the model, or takes part in the one that is loaded or loading already.
   * @param life lock that the page holds
   * @param progress gets `LoadProgress` as items; says stop where the page does not want the model any more
   * @param reading where a `ReadingTab` is served
   */
  join(
    model: SharedModel,
    options: RemoteLoadOptions,
    life: string,
    progress: MessagePort,
    reading: MessagePort,
  ): Promise<ModelFacts>;
}

export interface Probe {
  /** What keeps models from being computed there, in words; undefined: nothing. */
  readonly missing: string | undefined;
  /** Lock that the worker holds as long as it lives. */
  readonly life: string;
}

export interface SharedModel {
  /** Becomes the model's id. */
  readonly name: string;
  /** Source and options: who has the same shares the engine. */
  readonly key: string;
}

/** What is asked of a page: storage can be written only by workers that a page owns. */
export interface ReadingTab {
  /** Starts a loader worker that serves a `ModelReader` on `port`. */
  open(port: MessagePort): Promise<OpenedReader>;
}

export interface OpenedReader {
  readonly label: string;
  /** Lock that the loader worker holds as long as it lives. */
  readonly life: string;
}
