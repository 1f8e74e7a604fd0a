/** The loader in this thread: opens models for reading. The browser's loader worker answers with it. */
import type { ModelReader } from '../model/reader.ts';
import { answerCalls } from '../ports/calls.ts';
import { openSource } from '../storage/open.ts';
import type { ModelSource } from '../storage/source.ts';
import { SourceReader } from './loader.ts';
import { serveReader } from './port.ts';

export type ModelLocation = string | readonly File[] | ModelSource;

export interface ReaderOptions {
  /** For gated repositories; sent to the model's own origin only, never stored. */
  readonly token?: string | undefined;
  /** false: nothing is kept on this machine. Default: kept where the browser can. */
  readonly cache?: boolean | undefined;
}

/** @throws OutriderError `invalid_request`, `model_not_found`, and what resolving a repository throws */
export async function openReader(location: ModelLocation, _options: ReaderOptions = {}): Promise<ModelReader> {
  return new SourceReader(await openSource(location));
}

/** What a page asks of its loader worker. Ports are transferred. */
export interface RemoteLoader {
  /** Opens a model and serves a reader on `port`; resolves to its label. */
  open(location: string | readonly File[], options: ReaderOptions, port: MessagePort): Promise<string>;
}

/** Answers a page. */
export function answerLoaderCalls(port: MessagePort): void {
  answerCalls(port, {
    async open(location, options, readerPort) {
      const reader = await openReader(location, options);
      serveReader(readerPort, reader);
      return reader.label;
    },
  } satisfies RemoteLoader);
}
