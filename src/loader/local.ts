/** The loader in the thread that calls: under Node, in an app's own worker, or over a byte source of the caller's. */
import type { ModelReader } from '../model/reader.ts';
import { openSource } from '../storage/open.ts';
import { openBrowserCache } from './browser-cache.ts';
import { Loader, type ModelLocation, openReader as openWith, type ReaderOptions } from './host.ts';
import { createServices } from './services.ts';

const openCache = () => openBrowserCache(createServices(() => {})); // its workers end with this thread

export const createLoader = (): Loader => new Loader(openSource, openCache());

export const openReader = (location: ModelLocation, options: ReaderOptions = {}): Promise<ModelReader> =>
  openWith(location, options, openSource, openCache());
