/** What can go wrong on the way, on demand: a plan looks at each request and may answer with a fault. */
import { generator } from './tiles.ts';

export type Fault =
  /** The connection ends before an answer begins. */
  | { readonly kind: 'reset' }
  /** The connection ends after this many bytes of the body. */
  | { readonly kind: 'drop'; readonly afterBytes: number }
  /** This status instead of the file, with `Retry-After` where that many seconds are given. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number | undefined }
  /** Nothing more after this many bytes of the body; the connection stays open until somebody ends it. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** This body at this rate. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** A well-formed answer whose body is longer (zeros at the end) or shorter than the range by this many bytes. */
  | { readonly kind: 'length'; readonly deltaBytes: number }
  /** The right bytes under a `Content-Range` that is this many bytes off. */
  | { readonly kind: 'content-range'; readonly shift: number }
  /** The lowest bit of the byte at this offset of the body is the other one. */
  | { readonly kind: 'flip'; readonly at: number }
  /** This answer comes from another upload of the file: other weights, ETag and Last-Modified. */
  | { readonly kind: 'revision'; readonly revision: number };

export type FaultKind = Fault['kind'];

export interface GhostRequest {
  readonly method: string;
  /** Inside the ghost's folder. */
  readonly file: string;
  /** The body without a fault: bytes [start, end) of the file. */
  readonly start: number;
  readonly end: number;
  /** Counts the requests for files, from 0. */
  readonly index: number;
}

export type FaultPlan = (request: GhostRequest) => Fault | undefined;

/** Faults that a loader should survive by asking again, or by waiting. */
export const TRANSIENT: readonly FaultKind[] = ['reset', 'drop', 'status', 'slow', 'length', 'content-range'];

export interface SeededFaults {
  readonly seed: number;
  /** Of the requests for weights, 0 to 1. */
  readonly share: number;
  /** Default `TRANSIENT`. */
  readonly kinds?: readonly FaultKind[] | undefined;
}

/** Faults by chance on GET requests for weights; the same seed and request index give the same fault. */
export function seededFaults({ seed, share, kinds = TRANSIENT }: SeededFaults): FaultPlan {
  return ({ method, file, index, start, end }) => {
    if (method !== 'GET' || !file.endsWith('.safetensors')) return undefined;
    const random = generator(seed * 1_000_003 + index * 7919);
    if (random() >= share) return undefined;
    const kind = kinds[Math.floor(random() * kinds.length)];
    return kind === undefined ? undefined : randomFault(kind, end - start, random);
  };
}

/** These faults for the first GET requests of weights, in order; undefined lets one pass. */
export function scriptedFaults(script: readonly (Fault | undefined)[]): FaultPlan {
  let next = 0;
  return ({ method, file }) => (method === 'GET' && file.endsWith('.safetensors') ? script[next++] : undefined);
}

function randomFault(kind: FaultKind, bodyBytes: number, random: () => number): Fault {
  const within = Math.floor(random() * bodyBytes);
  switch (kind) {
    case 'reset':
      return { kind };
    case 'drop':
    case 'stall':
      return { kind, afterBytes: within };
    case 'status':
      return random() < 0.5 ? { kind, status: 500 } : { kind, status: 503, retryAfterSeconds: 1 };
    case 'slow':
      return { kind, bytesPerSecond: Math.max(1, bodyBytes * 2) };
    case 'length':
      return { kind, deltaBytes: random() < 0.5 ? -1 - (within >> 1) : 1 + (within >> 1) };
    case 'content-range':
      return { kind, shift: 1 + within };
    case 'flip':
      return { kind, at: within };
    case 'revision':
      return { kind, revision: 1 };
  }
}
