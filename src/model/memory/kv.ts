/** How keys and values are cut into buffers. Pure arithmetic: the cache allocates by it, the plan adds it up. */
import { OutriderError } from '../../errors.ts';
import type { KvDtype } from '../../kernels/attention.ts';
import type { ModelConfig } from '../config.ts';
import type { Schedule } from '../irope.ts';

/** Segment starts and sizes are multiples of this many tokens, so blocks are cut at its multiples too. */
export const SEGMENT_TOKENS = 512;

export interface KvRequest {
  readonly contextLength: number;
  readonly kvDtype: KvDtype;
  /** Bytes that one storage binding may have. */
  readonly maxBinding: number;
}

/** Keys and values of `slots` tokens from position `first` on; a chunked layer's only region begins at 0. */
export interface KvSlots {
  readonly first: number;
  readonly slots: number;
}

type Heads = Pick<ModelConfig, 'numKeyValueHeads' | 'headDim'>;

/** Keys and values of one token in one layer, in bytes. */
export function kvBytesPerToken({ numKeyValueHeads, headDim }: Heads, kvDtype: KvDtype): number {
  return 2 * numKeyValueHeads * headDim * (kvDtype === 'f16' ? 2 : 4);
}

/**
 * The regions of each layer: one of a chunk's length, or segments that follow each other.
 * Throws `model_too_large` where a chunk or the least segment exceeds a binding, `invalid_request` where heads cannot be
 * stored as f16.
 */
export function kvRegions(config: Heads, schedule: Schedule, request: KvRequest): (readonly KvSlots[])[] {
  const { contextLength, kvDtype, maxBinding } = request;
  if (kvDtype === 'f16' && config.headDim % 8 !== 0) throw oddHead(config.headDim);
  const bytesPerToken = kvBytesPerToken(config, kvDtype);
  const most = Math.floor(maxBinding / bytesPerToken);
  const chunk = Math.min(schedule.chunk, contextLength);
  const isChunked = schedule.chunk < Number.POSITIVE_INFINITY;
  if (most < SEGMENT_TOKENS || (isChunked && most < chunk)) {
    throw tooLarge(isChunked ? chunk : SEGMENT_TOKENS, bytesPerToken, maxBinding);
  }
  const segments = segmentLengths(contextLength, most);
  return schedule.layers.map(({ attention }) => (attention === 'chunked' ? [{ first: 0, slots: chunk }] : segments));
}

/** 512, 512, 1024, 2048, ... tokens up to `most` each: few dispatches for a long context, little waste for a short one. */
export function segmentLengths(contextLength: number, most: number): KvSlots[] {
  const segments: KvSlots[] = [];
  const largest = Math.floor(most / SEGMENT_TOKENS) * SEGMENT_TOKENS;
  for (let first = 0; first < contextLength; ) {
    const wanted = Math.min(largest, Math.max(SEGMENT_TOKENS, first));
    const slots = Math.min(wanted, Math.ceil((contextLength - first) / SEGMENT_TOKENS) * SEGMENT_TOKENS);
    segments.push({ first, slots });
    first += slots;
  }
  return segments;
}

function tooLarge(chunk: number, bytesPerToken: number, maxBinding: number): OutriderError {
  return new OutriderError(
    'model_too_large',
    `Keys and values of one layer need bindings of ${Math.max(SEGMENT_TOKENS, chunk) * bytesPerToken} bytes; this adapter allows ${maxBinding}. Choose a contextLength of at most ${Math.floor(maxBinding / bytesPerToken)} tokens.`,
    { details: { bytesPerToken, maxBinding } },
  );
}

function oddHead(headDim: number): OutriderError {
  return new OutriderError(
    'invalid_request',
    `kvDtype: 'f16' needs a head_dim that is a multiple of 8; this model's is ${headDim}. Use the default, 'f32'.`,
    { details: { headDim } },
  );
}
