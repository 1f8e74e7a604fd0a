import { OutriderError } from '../errors.ts';
import { createFilesSource } from './files.ts';
import { createHttpSource } from './http.ts';
import type { ModelSource } from './source.ts';

/**
 * A byte source for whatever names a model: the URL of a folder (relative to the page in a browser), a list of `File`s,
 * a path under Node, or a source of the caller's own. Throws `invalid_request` for a string that is none of these.
 */
export async function openSource(source: string | readonly File[] | ModelSource): Promise<ModelSource> {
  if (typeof source !== 'string') return isFileList(source) ? createFilesSource([...source]) : source;
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(source)?.[1]?.toLowerCase(); // one letter is a Windows drive
  if (scheme === 'http' || scheme === 'https') return createHttpSource(source);
  if (isNode()) {
    if (scheme === undefined || scheme === 'file') return (await import('./node.ts')).createNodeSource(source);
  } else if (scheme === undefined && URL.canParse(source, globalThis.location?.href)) {
    return createHttpSource(new URL(source, globalThis.location.href));
  }
  throw new OutriderError(
    'invalid_request',
    `"${source}" is not a model source. Give the http(s) URL of a model folder, a list of files, or under Node a path.`,
    { details: { source } },
  );
}

function isFileList(source: readonly File[] | ModelSource): source is readonly File[] {
  return Symbol.iterator in source;
}

/** Bundlers and test environments polyfill `process` in browsers, so a document or a worker scope decides first. */
function isNode(): boolean {
  const isWeb = 'document' in globalThis || 'WorkerGlobalScope' in globalThis;
  return !isWeb && typeof process === 'object' && process.versions?.node !== undefined;
}
