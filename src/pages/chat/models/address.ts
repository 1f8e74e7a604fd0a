/** What a person types or the page's address names, as a model that can be loaded. Pure. */
import { OutriderError } from '../../../errors.ts';
import type { FileAt } from '../../../storage/file-at.ts';

/**
 * `embedded`: comes with the page. `here`: another model of the page's own server. `remote`: from elsewhere.
 * `files`: on this machine, and stays where it is.
 */
export type ModelKind = 'embedded' | 'here' | 'remote' | 'files';

/** A model that can be loaded. */
export interface ModelEntry {
  /** The same for the same model in any spelling, and free of secrets: the address without query and fragment. */
  readonly key: string;
  /** What `createEngine` and `planModel` take. */
  readonly source: string | readonly FileAt[];
  /** The last part of the address. */
  readonly name: string;
  /** The address for people. */
  readonly label: string;
  readonly kind: ModelKind;
}

/** Where the page stands, and what comes with it. */
export interface Home {
  /** URL of the page. */
  readonly base: string;
  /** Absolute URL of the embedded model. */
  readonly embedded: string;
}

const repoPattern = /^(?:hf:)?([\w][\w.-]*\/[\w][\w.-]*)(?:@([\w./-]+))?$/;

/**
 * A URL or path of a folder, `hf:owner/name[@revision]`, `owner/name`, or the address of a Hugging Face page.
 * Throws `invalid_request` for anything else.
 */
export function parseAddress(text: string, home: Home): ModelEntry {
  const typed = text.trim();
  const repo = repoPattern.exec(typed) ?? repoOfPage(typed);
  if (repo) return entryOfRepo(repo[1]!, repo[2]);
  const isAddress = /^(https?:|\/|\.)/i.test(typed) && URL.canParse(typed, home.base);
  if (!isAddress) {
    throw new OutriderError(
      'invalid_request',
      `“${typed}” is not a model’s address. Give the https:// address of a model folder, or owner/name on Hugging Face.`,
      { details: { address: typed } },
    );
  }
  return entryOfUrl(new URL(typed, home.base), home);
}

/** Files that were chosen or dropped: one model folder. */
export function entryOfFiles(files: readonly FileAt[]): ModelEntry {
  const folder = /^([^/]+)\//.exec(files[0]?.path ?? '')?.[1];
  const name = folder ?? 'Files';
  return { key: `files:${name}`, source: files, name, label: `${files.length} files on this machine`, kind: 'files' };
}

/** Whether the model that is stored under `id` is the one of this entry; a repository's id ends in the commit. */
export function isStoredAs({ key }: ModelEntry, id: string): boolean {
  if (withoutSlash(id) === key) return true;
  const wanted = /^hf:([^@]+)(?:@(.+))?$/.exec(key);
  const stored = /^hf:([^@]+)@(.+)$/.exec(id);
  return wanted !== null && stored !== null && wanted[1] === stored[1] && stored[2]!.startsWith(wanted[2] ?? '');
}

/** Where a link in a model's card leads; undefined where it leads nowhere that a browser may go. */
export function resolveLink({ key, kind }: ModelEntry, link: string): string | undefined {
  const repo = /^hf:([^@]+)(?:@(.+))?$/.exec(key);
  const folder = repo
    ? `https://huggingface.co/${repo[1]}/blob/${repo[2] ?? 'main'}/`
    : kind === 'files'
      ? undefined
      : `${key}/`;
  if (!URL.canParse(link, folder)) return undefined;
  const url = new URL(link, folder);
  return ['https:', 'http:'].includes(url.protocol) ? url.href : undefined;
}

/** The page of a repository, as people copy it from the browser. */
function repoOfPage(typed: string): RegExpExecArray | null {
  return /^https:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/([\w][\w.-]*\/[\w][\w.-]*?)(?:\/tree\/([\w./-]+?))?\/?$/.exec(
    typed,
  );
}

function entryOfRepo(repo: string, revision: string | undefined): ModelEntry {
  const key = `hf:${repo}${revision && revision !== 'main' ? `@${revision}` : ''}`;
  return { key, source: key, name: repo.split('/')[1]!, label: `Hugging Face: ${key.slice(3)}`, kind: 'remote' };
}

function entryOfUrl(url: URL, { base, embedded }: Home): ModelEntry {
  const folder = withoutSlash(`${url.origin}${url.pathname}`);
  const name = decodeURIComponent(folder.slice(folder.lastIndexOf('/') + 1)) || url.host;
  const isHere = url.origin === new URL(base).origin;
  const kind = folder === withoutSlash(embedded) ? 'embedded' : isHere ? 'here' : 'remote';
  return {
    key: folder,
    source: url.href,
    name,
    label: isHere ? url.pathname : folder.replace(/^https:\/\//, ''),
    kind,
  };
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');
