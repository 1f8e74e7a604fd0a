/** From what names a model to a source of its bytes. */
import { OutriderError } from '../errors.ts';
import type { FileAt } from './file-at.ts';
import { createHttpSource } from './http/source.ts';
import type { HubOptions, Repository } from './hub.ts';
import { isNode } from './platform.ts';
import type { ModelSource } from './source.ts';

/**
 * What names a model: the URL of a folder, `hf:owner/name[@revision]`, under Node a path, a list of files, or a source of
 * the caller's own.
 */
export type ModelLocation = RemoteLocation | ModelSource;

/** What of it can be sent to a worker. */
export type RemoteLocation = string | readonly (File | FileAt)[];

/** For sources on a network; the signal is for resolving a repository. */
export interface OpenOptions extends HubOptions {
  /** Resolves `hf:`, which is no source without it. */
  readonly listRepository?: ((location: string, options: HubOptions) => Promise<Repository>) | undefined;
}

/**
 * A byte source for what a browser can reach. Only `hf:` asks the network here.
 * @throws OutriderError `invalid_request` for a string that is none of these, `model_not_found`; for `hf:` also
 * `access_denied`, `network_error`, `aborted`
 */
export async function openWebSource(location: ModelLocation, options: OpenOptions = {}): Promise<ModelSource> {
  if (typeof location !== 'string')
    return isFileList(location) ? (await import('./files.ts')).createFilesSource([...location]) : location;
  const scheme = schemeOf(location);
  if (scheme === 'hf' && options.listRepository) {
    const { url, ...listing } = await options.listRepository(location, options);
    return createHttpSource(url, options, listing);
  }
  if (scheme === 'http' || scheme === 'https') return createHttpSource(location, options);
  const base = globalThis.location?.href;
  if (scheme === undefined && URL.canParse(location, base)) return createHttpSource(new URL(location, base), options);
  const shown = location.replace(/[?#].*$/, ''); // what follows may be a signature
  const message =
    `"${shown}" is not a model source. Give the http(s) URL of a model folder, hf:owner/name, a list of files, ` +
    'or under Node a path.';
  throw new OutriderError('invalid_request', message, { details: { source: shown } });
}

/** The same with the hub's library, and under Node a path too. */
export async function openSource(location: ModelLocation, options: OpenOptions = {}): Promise<ModelSource> {
  const isPath = typeof location === 'string' && isNode() && [undefined, 'file'].includes(schemeOf(location));
  if (isPath) return (await import('./node.ts')).createNodeSource(location);
  const listRepository: OpenOptions['listRepository'] = async (...args) =>
    (await import('./hub.ts')).listRepository(...args);
  return openWebSource(location, { listRepository, ...options });
}

/** One letter is a Windows drive. */
const schemeOf = (source: string) => /^([a-z][a-z0-9+.-]+):/i.exec(source)?.[1]?.toLowerCase();

function isFileList(source: readonly (File | FileAt)[] | ModelSource): source is readonly (File | FileAt)[] {
  return Symbol.iterator in source;
}
