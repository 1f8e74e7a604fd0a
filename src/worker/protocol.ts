/**
 * What is said between a page and its worker.
 *
 * The page sends one `ConnectMessage` with a MessagePort per engine. On that port go the calls of
 * `RemoteEngine`, or in a SharedWorker those of `RemoteTab` (shared/protocol.ts). Whatever goes on for a while (loading, a
 * stream, a subscription) gets a port of its own as an argument, over which the page says `stop` and the worker sends items;
 * the worker closes it at the end.
 */
import type { ModelFacts } from '../engine/facts.ts';
import type { LoadOptions } from '../engine/load.ts';
import type { EncodedPrompt, GenerateRequest, Prompt, Vocabulary } from '../engine/request.ts';
import type { EngineStats } from '../engine/stats.ts';
import type { ReaderOptions, RemoteLocation } from '../loader/host.ts';

export const CONNECT = 'outrider:connect';

export interface ConnectMessage {
  readonly type: typeof CONNECT;
  readonly port: MessagePort;
}

/** The part of a worker's global scope, or of a port that stands for it, that is used. */
export interface HostScope {
  addEventListener(type: 'message' | 'connect', listener: (event: MessageEvent) => void): void;
}

/**
 * Hands over the port of every page that connects. Messages of other kinds are left alone.
 * Call it while the worker's module is first evaluated: messages that come before are lost.
 */
export function onConnect(scope: HostScope, serve: (port: MessagePort) => void): void {
  scope.addEventListener('message', ({ data }: MessageEvent<ConnectMessage | undefined>) => {
    if (data?.type === CONNECT) serve(data.port);
  });
}

/** The same in a SharedWorker: every page that has it comes with a port of its own first. */
export function onTab(scope: HostScope, serve: (port: MessagePort) => void): void {
  scope.addEventListener('connect', ({ ports: [tab] }: MessageEvent) => {
    onConnect(tab!, serve);
    tab!.start();
  });
}

/** Load options that can be cloned. */
export type RemoteLoadOptions = Omit<LoadOptions, 'gpu' | 'onProgress' | 'signal'>;

/** The model to load: read by a loader on the page's side, or from a source by this worker itself. */
export interface RemoteModel {
  /** Becomes the model's id. */
  readonly name: string;
  /** What the reader calls itself. */
  readonly label: string;
  /** Absolute, because a worker from a Blob has no base URL. */
  readonly source?: RemoteLocation;
  readonly readerOptions?: ReaderOptions;
}

/** The calls to an engine that is there. A port argument is transferred. */
export interface EngineCalls {
  /** `GenerationEvent`s follow on `port` as far as credits allow. @param masks where a `MaskSource` is served */
  generate(request: GenerateRequest, port: MessagePort, masks?: MessagePort): void;
  encode(prompt: Prompt): Promise<EncodedPrompt>;
  decode(ids: readonly number[]): Promise<string>;
  vocabulary(): Promise<WireVocabulary>;
  interrupt(): Promise<void>;
  /** Sends `EngineEvent`s, packed, as items until stopped. */
  listen(port: MessagePort): void;
  stats(): Promise<EngineStats>;
  unload(): Promise<void>;
}

export interface RemoteEngine extends EngineCalls {
  /** Sends `LoadProgress` as items on `port`. @param reader where a `ModelReader` is served; absent where `model` has a source */
  load(model: RemoteModel, options: RemoteLoadOptions, port: MessagePort, reader?: MessagePort): Promise<ModelFacts>;
}

/** A `Vocabulary` in two buffers that move: as many arrays as ids would each be copied. */
export interface WireVocabulary extends Omit<Vocabulary, 'bytes'> {
  /** Of all ids, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each id's bytes end in them. [numTokens] */
  readonly ends: Uint32Array<ArrayBuffer>;
}
