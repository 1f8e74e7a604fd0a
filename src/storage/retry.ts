/** Trying again what failed for now: back-off with full jitter, the server's own wish, and waiting for the network. */
import { abortError, type ErrorCode, type ErrorDetails, OutriderError } from '../errors.ts';
import { waitFor } from './abort.ts';
import { throwIfAborted } from './source.ts';

/** Failures in a row, without a byte between them, after which it is given up. */
export const MAX_ATTEMPTS = 6;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** A server that asks for a longer pause than this is not waited for. */
const LONGEST_RETRY_AFTER_MS = 600_000;

/** A failure that may pass. Never leaves the storage room: `retry` turns the last one into an OutriderError. */
export class TransientFailure extends Error {
  override readonly name = 'TransientFailure';
  /** What the error becomes when it does not pass. */
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  /** How long the server asks to wait. */
  readonly retryAfterMs: number;

  constructor(
    reason: string,
    options: { cause?: unknown; code?: ErrorCode; details?: ErrorDetails; retryAfterMs?: number | undefined } = {},
  ) {
    super(reason, { cause: options.cause });
    this.code = options.code ?? 'network_error';
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** A failure that is about to be tried again. */
export interface RetryNotice {
  /** Where: a URL without its query. */
  readonly url: string;
  /** Failures without a byte between them, this one included. */
  readonly failures: number;
  /** The pause until the next attempt; undefined while the machine is offline. */
  readonly waitMs: number | undefined;
  readonly reason: string;
}

/** Time, chance and the state of the network. Tests bring their own. */
export interface Surroundings {
  /** Milliseconds since 1970. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once after `ms`, unless the returned function is called before. */
  after(ms: number, callback: () => void): () => void;
  isOffline(): boolean;
  /** Resolves when the machine is online again, as far as it knows. */
  whenOnline(signal?: AbortSignal): Promise<void>;
}

export const realSurroundings: Surroundings = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (ms, signal) => waitFor((done) => realSurroundings.after(ms, done), signal),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  isOffline: () => globalThis.navigator?.onLine === false,
  whenOnline: (signal) =>
    waitFor((done) => {
      const check = (): void => {
        if (!realSurroundings.isOffline()) done();
      };
      const timer = setInterval(check, 2000); // not every browser tells a worker
      globalThis.addEventListener('online', check);
      return () => {
        clearInterval(timer);
        globalThis.removeEventListener('online', check);
      };
    }, signal),
};

export interface RetryOptions {
  /** For messages: the URL without its query. */
  readonly url: string;
  readonly signal?: AbortSignal | undefined;
  readonly surroundings: Surroundings;
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined;
  /** Asked after each failure: how many in a row are too many. Default MAX_ATTEMPTS. */
  readonly attempts?: () => number | undefined;
}

/**
 * Runs `attempt` until it succeeds. Each attempt goes on where the last one broke off, which is the caller's business, and
 * calls `progress` whenever bytes arrive: that resets the count of failures. Being offline costs no attempts.
 * @throws OutriderError what `attempt` throws, unless it is a TransientFailure; else after MAX_ATTEMPTS the code of the
 * last of them; `aborted`
 */
export async function retry<T>(attempt: (progress: () => void) => Promise<T>, options: RetryOptions): Promise<T> {
  const { url, signal, surroundings, onRetry, attempts } = options;
  const progress = (): void => {
    failures = 0;
  };
  let failures = 0;
  for (;;) {
    throwIfAborted(signal);
    try {
      return await attempt(progress);
    } catch (error) {
      if (signal?.aborted) throw abortError(signal);
      if (!(error instanceof TransientFailure)) throw error;
      const reason = error.message;
      if (surroundings.isOffline()) {
        onRetry?.({ url, failures, waitMs: undefined, reason: 'this machine is offline' });
        await surroundings.whenOnline(signal);
        continue;
      }
      failures++;
      const tooOften = failures >= (attempts?.() ?? MAX_ATTEMPTS);
      if (tooOften || error.retryAfterMs > LONGEST_RETRY_AFTER_MS) throw givenUp(error, url, failures);
      const waitMs = Math.max(error.retryAfterMs, backOffMs(failures, surroundings.random()));
      onRetry?.({ url, failures, waitMs, reason });
      await surroundings.sleep(waitMs, signal);
    }
  }
}

/** Full jitter: anything up to twice the last limit, so that many readers do not come back together. */
export function backOffMs(failures: number, random: number): number {
  return random * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
}

/** `Retry-After` in seconds or as a date, in milliseconds from `now`; undefined where it is neither. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function givenUp(error: TransientFailure, url: string, attempts: number): OutriderError {
  const asked = error.retryAfterMs > 0 ? ` It asks to wait ${Math.ceil(error.retryAfterMs / 1000)} s.` : '';
  const tries = attempts === 1 ? 'one attempt' : `${attempts} attempts without a byte`;
  const advice = 'Check the address and the network, and load again.';
  return new OutriderError(error.code, `${url}: ${error.message} Given up after ${tries}.${asked} ${advice}`, {
    cause: error.cause,
    details: { ...error.details, url, attempts },
  });
}
