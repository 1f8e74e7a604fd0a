/** A repository of the Hugging Face hub, at one commit: `hf:owner/name[@revision]`. */
import { listFiles, modelInfo } from '@huggingface/hub';
import { OutriderError } from '../errors.ts';
import { createGuard, STALL_MS } from './http/guard.ts';
import type { HttpOptions, Listing } from './http/source.ts';
import { parseRetryAfter, realSurroundings, retry, TransientFailure } from './retry.ts';
import type { FileFacts, ReadOptions } from './source.ts';

export interface HubOptions extends HttpOptions, ReadOptions {
  /** Another hub with the same API. Default https://huggingface.co */
  readonly endpoint?: string | undefined;
}

const ENDPOINT = 'https://huggingface.co';

/** A repository at one commit. Plain data. */
export interface Repository extends Listing {
  /** Where its files are. */
  readonly url: string;
}

/**
 * Resolves the revision (default `main`) to a commit once, and lists the commit's files with their sizes and, for large
 * ones, SHA-256: nothing else is asked of the hub but the bytes. What is pushed later is never seen.
 * @throws OutriderError `invalid_request` for another form, `model_not_found`, `access_denied`, `network_error`, `aborted`
 */
export async function listRepository(location: string, options: HubOptions = {}): Promise<Repository> {
  const { name, revision } = parseLocation(location);
  const endpoint = (options.endpoint ?? ENDPOINT).replace(/\/+$/, '');
  const api = { hubUrl: endpoint, fetch: hubFetch(name, endpoint, options) };
  const { name: canonical, sha } = await modelInfo({ ...api, name, revision, additionalFields: ['sha'] });
  if (!/^[0-9a-f]{40}$/.test(sha)) throw unexpected(name, `names no commit for ${revision}`);
  const files = new Map<string, FileFacts>();
  for await (const { type, path, size, oid, lfs } of listFiles({
    ...api,
    repo: canonical,
    revision: sha,
    recursive: true,
  })) {
    if (type !== 'file') continue;
    const facts = { size: lfs?.size ?? size, version: lfs?.oid ?? oid };
    files.set(path, lfs === undefined ? facts : { ...facts, sha256: lfs.oid });
  }
  const id = `hf:${canonical}@${sha}`;
  return { url: `${endpoint}/${canonical}/resolve/${sha}/`, label: `hf:${canonical}`, id, files };
}

function parseLocation(location: string): { name: string; revision: string } {
  const match = /^hf:(\w[\w.-]*\/\w[\w.-]*)(?:@([\w./-]+))?$/.exec(location);
  if (match !== null) return { name: match[1]!, revision: match[2] ?? 'main' };
  const message = `"${location}" is not of the form hf:owner/name or hf:owner/name@revision. Check its spelling.`;
  throw new OutriderError('invalid_request', message, { details: { source: location } });
}

/**
 * The library's way to the hub: tries again what may pass, says what a refusal means, and sends the token nowhere else.
 * Bodies are read whole in here, so that one that breaks is tried again too.
 */
function hubFetch(name: string, endpoint: string, options: HubOptions): typeof fetch {
  const { token, signal, onRetry, surroundings = realSurroundings, stallMs = STALL_MS, fetch: send = fetch } = options;
  const headers = { accept: 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const broken = (cause: unknown) => new TransientFailure('It could not be reached.', { cause });
  return (input) => {
    const url = new URL(String(input));
    // The library follows the address of the next page wherever it leads.
    if (url.origin !== new URL(endpoint).origin) throw unexpected(name, `sends its readers on to ${url.origin}`);
    const attempt = async (): Promise<Response> => {
      const guard = createGuard(stallMs, surroundings, signal);
      try {
        const response = await guard.wait(send(url.href, { headers, cache: 'no-store', signal: guard.signal }), broken);
        checkStatus(name, response, token, surroundings.now());
        const { status, headers: received } = response;
        return new Response(await guard.wait(response.text(), broken), { status, headers: received });
      } finally {
        guard.end();
      }
    };
    return retry(attempt, { url: url.origin + url.pathname, signal, surroundings, onRetry });
  };
}

function checkStatus(name: string, { ok, status, headers }: Response, token: string | undefined, now: number): void {
  if (ok) return;
  const details = { repository: name, status };
  if (status === 401 || status === 403) {
    const what = token
      ? 'The token was refused, or its account may not read this.'
      : 'It is private, gated or not there (the hub does not say which without a token).';
    const message =
      `hf:${name} was refused with status ${status}. ${what} If it is gated, accept the licence on the model's page ` +
      "with your account, and give one of that account's access tokens that may read it.";
    throw new OutriderError('access_denied', message, { details });
  }
  if (status === 404) {
    const message = `hf:${name} or the revision that was asked for is not there. Check the spelling of both.`;
    throw new OutriderError('model_not_found', message, { details });
  }
  if (status < 500 && status !== 429 && status !== 408) throw unexpected(name, `answers with status ${status}`);
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'), now);
  throw new TransientFailure(`It was answered with status ${status}.`, { details, retryAfterMs });
}

function unexpected(name: string, what: string): OutriderError {
  const message = `The hub ${what} when asked for hf:${name}, which is not its API. Check the address of the hub.`;
  return new OutriderError('network_error', message, { details: { repository: name } });
}
