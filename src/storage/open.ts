import { OutriderError } from '../errors.ts';
import { createFilesSource } from './files.ts';
import { createHttpSource } from './http.ts';
import type { ModelSource } from './source.ts';

/** What names a model: the URL of a folder, a list of `File`s, or a source of the caller's own. */
type ModelLocation = string | readonly File[] | ModelSource;

/** A byte source for what a browser can reach. Throws `invalid_request` for a string that is no http(s) URL. */
export async function openWebSource(source: ModelLocation): Promise<ModelSource> {
  if (typeof source !== 'string') return isFileList(source) ? createFilesSource([...source]) : source;
  const scheme = schemeOf(source);
  const base = globalThis.location?.href;
  if (scheme === 'http' || scheme === 'https') return createHttpSource(source);
  if (scheme === undefined && URL.canParse(source, base)) return createHttpSource(new URL(source, base));
  throw new OutriderError(
    'invalid_request',
    `"${source}" is not a model source. Give the http(s) URL of a model folder, a list of files, or under Node a path.`,
    { details: { source } },
  );
}

/** The same, and under Node a path too. */
export async function openSource(source: ModelLocation): Promise<ModelSource> {
  const isPath = typeof source === 'string' && isNode() && [undefined, 'file'].includes(schemeOf(source));
  return isPath ? (await import('./node.ts')).createNodeSource(source) : openWebSource(source);
}

/** One letter is a Windows drive. */
const schemeOf = (source: string) => /^([a-z][a-z0-9+.-]+):/i.exec(source)?.[1]?.toLowerCase();

function isFileList(source: readonly File[] | ModelSource): source is readonly File[] {
  return Symbol.iterator in source;
}

/** Bundlers and test environments polyfill `process` in browsers, so a document or a worker scope decides first. */
function isNode(): boolean {
  const isWeb = 'document' in globalThis || 'WorkerGlobalScope' in globalThis;
  return !isWeb && typeof process === 'object' && process.versions?.node !== undefined;
}
