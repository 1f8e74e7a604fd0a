/** Why a server did not answer, with what to do about it; never with the key. */
import { type ErrorCode, OutriderError } from '../../errors.ts';
import type { Fields } from '../fields.ts';
import { isFields } from '../fields.ts';

/** Who was asked for what. */
export interface Asked {
  readonly origin: string;
  readonly url: string;
  readonly model: string;
  readonly apiKey: string | undefined;
}

const MAX_SAID = 300;

/** An answer with a status other than 2xx. @param body its text; `details.status` has the status */
export function statusError(status: number, body: string, asked: Asked): OutriderError {
  const { message, code } = errorOf(body);
  const said = message === '' ? '' : ` It says: ${redact(message, asked)}`;
  const [kind, found, advice] = explain(status, code, asked);
  return fail(kind, `${asked.origin} ${found} (status ${status}). ${advice}${said}`, asked, { status });
}

function explain(status: number, code: unknown, { url, model, apiKey }: Asked): [ErrorCode, string, string] {
  if (status === 401 || status === 403) {
    const advice = apiKey ? 'Check fallback.apiKey, and what it may use.' : 'It may want a key: give fallback.apiKey.';
    return ['access_denied', 'refused access', advice];
  }
  if (status === 404 || status === 405 || status === 501) {
    return ['network_error', `has no ${url}, or no model "${model}"`, 'Check fallback.baseURL and fallback.model.'];
  }
  if (status === 429) {
    return ['network_error', 'takes no more requests now', 'Try again later, or raise the limits of the key.'];
  }
  if (status >= 500) return ['network_error', 'failed', 'Try again later, or look into its log.'];
  if (code === 'context_length_exceeded') {
    return ['context_overflow', 'has too little context for it', 'Shorten the conversation.'];
  }
  return ['invalid_request', 'refused the request', 'Leave out what it does not know.'];
}

/** No answer at all. */
export function unreachable(asked: Asked, cause: unknown): OutriderError {
  const message =
    `${asked.url} could not be reached. Check that the server runs, that it allows this page's origin (CORS), and that the ` +
    "page may connect to it: by its Content-Security-Policy's connect-src, not from https: to http:, and with the user's " +
    'permission where browsers ask for it before they reach a local network.';
  return fail('network_error', message, asked, {}, cause);
}

/** A stream that ended before its answer did, or is none. */
export function brokenStream(found: string, asked: Asked, cause?: unknown): OutriderError {
  const message = `${asked.origin} ${redact(found, asked)}. What came is not the whole answer; try again.`;
  return fail('network_error', message, asked, {}, cause);
}

/** What a server says in the middle of a stream: OpenAI's error object, or its text alone. */
export function saidInStream(error: unknown): string {
  return `stopped with an error: ${messageOf(error)}`;
}

function fail(code: ErrorCode, message: string, { origin, model }: Asked, details: object, cause?: unknown) {
  return new OutriderError(code, message, { cause, details: { origin, model, ...details } });
}

/** Of OpenAI's error object, of FastAPI's `detail`, or of plain text. */
function errorOf(body: string): { readonly message: string; readonly code?: unknown } {
  try {
    const json: unknown = JSON.parse(body);
    const error = isFields(json) ? (json.error ?? json.detail ?? json) : json;
    return { message: messageOf(error), code: isFields(error) ? (error as Fields).code : undefined };
  } catch {
    return { message: /^\s*</.test(body) ? '' : body }; // a proxy's page helps nobody
  }
}

function messageOf(error: unknown): string {
  if (typeof error === 'string') return error;
  return isFields(error) && typeof error.message === 'string' ? error.message : JSON.stringify(error);
}

/** Servers like to repeat a key that they refuse. */
function redact(text: string, { apiKey }: Asked): string {
  const clean = apiKey ? text.replaceAll(apiKey, '[key]') : text;
  return clean.length > MAX_SAID ? `${clean.slice(0, MAX_SAID)}…` : clean;
}
