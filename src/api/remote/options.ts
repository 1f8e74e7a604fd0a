/** `fallback`: where answers may come from that this device cannot give. */
import { type ErrorCode, OutriderError } from '../../errors.ts';
import type { FallbackReason } from '../types-common.ts';

/** An OpenAI-compatible server that may answer. Giving it is the permission; without it nothing goes anywhere. */
export interface FallbackOptions {
  /** As clients of OpenAI have it, up to `/v1`; that may be left out where the address has no path. Relative to the page. */
  readonly baseURL: string;
  /** Sent to that address only, as a bearer token; never stored, logged, or part of an error. */
  readonly apiKey?: string | undefined;
  /** The server's name of the model. Answers are continued well only by the same model. */
  readonly model: string;
  /** What lets an answer go there. Default: all of them. Requests that are refused as wrong never go there. */
  readonly when?: readonly FallbackReason[] | undefined;
}

/** All of what `when` may have: each says that this device cannot, not that the request is wrong. */
export const FALLBACK_REASONS: Readonly<Record<FallbackReason, true>> = {
  webgpu_unavailable: true,
  model_too_large: true,
  gpu_out_of_memory: true,
  gpu_validation: true,
  gpu_incorrect: true,
  device_lost: true,
  worker_failed: true,
};

/** `fallback`, checked. */
export interface Destination {
  /** Without a slash at its end. */
  readonly base: string;
  readonly origin: string;
  readonly apiKey: string | undefined;
  readonly model: string;
  readonly when: ReadonlySet<ErrorCode>;
}

/** @throws OutriderError `invalid_request` that names the field, never with the key in it */
export function parseFallback(options: FallbackOptions): Destination {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) throw misuse('fallback', 'an object with baseURL and model');
  const { baseURL, apiKey, model, when = Object.keys(FALLBACK_REASONS) } = options;
  const page = globalThis.document?.baseURI ?? globalThis.location?.href;
  const url = typeof baseURL === 'string' && URL.canParse(baseURL, page) ? new URL(baseURL, page) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw misuse('fallback.baseURL', 'an http: or https: URL without name, password, query and fragment');
  }
  // Letters that a header cannot have would make `fetch` throw an error with the key in its message.
  if (apiKey !== undefined && !(typeof apiKey === 'string' && /^[\x21-\x7e]+$/.test(apiKey))) {
    throw misuse('fallback.apiKey', 'text of visible ASCII characters, or absent');
  }
  if (typeof model !== 'string' || model === '') throw misuse('fallback.model', "the server's name of a model");
  if (!Array.isArray(when) || !when.every((reason) => Object.hasOwn(FALLBACK_REASONS, reason))) {
    throw misuse('fallback.when', `a list of ${Object.keys(FALLBACK_REASONS).join(', ')}`);
  }
  const path = url.pathname === '/' ? '/v1' : url.pathname.replace(/\/+$/, '');
  return { base: `${url.origin}${path}`, origin: url.origin, apiKey, model, when: new Set(when as ErrorCode[]) };
}

function misuse(field: string, allowed: string): OutriderError {
  return new OutriderError('invalid_request', `${field} must be ${allowed}.`, { details: { field, allowed } });
}
