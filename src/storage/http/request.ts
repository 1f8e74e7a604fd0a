/** One request to a model folder on a server, and what its status means. */
import { type ErrorCode, type ErrorDetails, OutriderError } from '../../errors.ts';
import { parseRetryAfter, type RetryNotice, retry, type Surroundings, TransientFailure } from '../retry.ts';
import { createGuard, type Guard } from './guard.ts';

/** A folder on a server, and how to talk to it. */
export interface Remote {
  /** With a trailing slash; its query, if any (a signature), is sent with every file and shown nowhere. */
  readonly base: URL;
  readonly token: string | undefined;
  readonly fetch: typeof fetch;
  readonly stallMs: number;
  readonly surroundings: Surroundings;
  readonly onRetry: ((notice: RetryNotice) => void) | undefined;
  /** Whether the server has answered anything yet: if not, a wrong address is likelier than a bad minute. */
  reached: boolean;
  /** Whether the last part came fast; false at first. */
  isFast: boolean;
}

/** Failures in a row after which a server that never answered is given up. */
const FIRST_CONTACT_ATTEMPTS = 3;
/** Too early, too many, overloaded, restarting: worth another try. */
const TRANSIENT = [408, 425, 429, 500, 502, 503, 504];

/** The address of a file for requests. Every attempt starts here, so that a server that signs its redirects signs anew. */
export function urlOf({ base }: Remote, path: string): string {
  const url = new URL(path.split('/').map(encodeURIComponent).join('/'), base);
  url.search = base.search;
  return url.href;
}

/** The address of a file for people: without the query, which may be a signature. */
export function shownUrlOf(remote: Remote, path: string): string {
  return urlOf(remote, path).split('?')[0]!;
}

/** An error about a file on a server. */
export function fileError(
  code: ErrorCode,
  remote: Remote,
  path: string,
  what: string,
  details: ErrorDetails = {},
): OutriderError {
  const url = shownUrlOf(remote, path);
  return new OutriderError(code, `${url} ${what}`, { details: { url, file: path, ...details } });
}

/** Tries until it works or is given up; see `retry`. */
export function retryRequest<T>(
  remote: Remote,
  path: string,
  signal: AbortSignal | undefined,
  attempt: (progress: () => void) => Promise<T>,
): Promise<T> {
  const { surroundings, onRetry } = remote;
  const attempts = () => (remote.reached ? undefined : FIRST_CONTACT_ATTEMPTS);
  return retry(attempt, { url: shownUrlOf(remote, path), signal, surroundings, onRetry, attempts });
}

/** An answer whose body has not been read. `guard.end()` must be called. */
export interface Answer {
  readonly response: Response;
  readonly guard: Guard;
}

/**
 * Sends one request. Nothing but `Range` and, with a token, `Authorization` goes beyond what fetch sends by itself: other
 * headers would cost a preflight, and `If-*` would be answered from caches. Redirects are fetch's business, which drops
 * `Authorization` where they lead to another origin.
 * @throws TransientFailure for what may pass; OutriderError `access_denied`, `aborted`
 */
export async function request(
  remote: Remote,
  path: string,
  method: 'GET' | 'HEAD',
  range: string,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const guard = createGuard(remote.stallMs, remote.surroundings, signal);
  const headers: Record<string, string> = { range };
  if (remote.token !== undefined) headers.authorization = `Bearer ${remote.token}`;
  const unreachable = (cause: unknown) =>
    new TransientFailure('It could not be reached, or does not allow this origin (CORS).', { cause });
  try {
    const sent = remote.fetch(urlOf(remote, path), { method, headers, cache: 'no-store', signal: guard.signal });
    const response = await guard.wait(sent, unreachable);
    remote.reached = true;
    checkPassing(remote, path, response);
    return { response, guard };
  } catch (error) {
    guard.end();
    throw error;
  }
}

/** Lets pass what the caller must look at: success, 404, 416 and all that no second try would change. */
function checkPassing(remote: Remote, path: string, response: Response): void {
  const { status } = response;
  if (TRANSIENT.includes(status)) {
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), remote.surroundings.now());
    throw new TransientFailure(`It was answered with status ${status}.`, { details: { status }, retryAfterMs });
  }
  if (status !== 401 && status !== 403) return;
  if (response.redirected && new URL(response.url).origin !== remote.base.origin) {
    // A link that was signed for us and refused: it ran out on the way, or the clocks differ. The next try gets a new one.
    const reason = `The address that it redirects to refused access with status ${status}.`;
    throw new TransientFailure(reason, { code: 'access_denied', details: { status } });
  }
  throw fileError('access_denied', remote, path, `was refused with status ${status}. ${accessAdvice(remote, status)}`, {
    status,
  });
}

function accessAdvice({ token, base }: Remote, status: number): string {
  if (base.search !== '') return 'The signed link has probably expired: get a new one and load again.';
  if (token === undefined) {
    return 'It is not public: give an access token, and accept its licence first if it has one to accept.';
  }
  return status === 401
    ? 'The access token is wrong or has expired: give another one.'
    : 'The access token is known but may not read this: accept the licence with its account, or give it the right to read.';
}
