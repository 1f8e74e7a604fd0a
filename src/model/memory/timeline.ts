/** What a conversation of some length takes beside the weights. */
import { OutriderError } from '../../errors.ts';
import type { KvDtype } from '../../kernels/attention.ts';
import type { ModelConfig } from '../config.ts';
import type { Schedule } from '../irope.ts';
import { activationBytes, tableSizes } from './activations.ts';
import { MAX_BLOCK_ROWS } from './block.ts';
import { type KvRequest, kvBytesPerToken, kvRegions } from './kv.ts';

/** Where neither the caller nor a budget says otherwise. */
const DEFAULT_CONTEXT_LENGTH = 8192;

export interface TimelineRequest {
  readonly kvDtype: KvDtype;
  /** Bytes that one storage binding may have. */
  readonly maxBinding: number;
}

export interface TimelineBytes {
  readonly kv: number;
  /** Of `kv`: of layers that attend in chunks. It stops growing at a chunk's length. */
  readonly chunkedKv: number;
  /** Everything else that is not weights: what a run writes, and tables. Uniforms of the dispatches are not counted. */
  readonly activations: number;
  readonly largest: { readonly label: string; readonly bytes: number };
}

/** Throws `model_too_large` where the adapter's bindings cannot hold it, `invalid_request` for heads that cannot be f16. */
export function sizeTimeline(
  config: ModelConfig,
  schedule: Schedule,
  contextLength: number,
  { kvDtype, maxBinding }: TimelineRequest,
): TimelineBytes {
  const kv = sizeKv(config, schedule, { contextLength, kvDtype, maxBinding });
  const tables = tableSizes(config, schedule, contextLength);
  const working = {
    ...activationBytes(config, { contextLength, maxRows: MAX_BLOCK_ROWS, forcible: false }),
    'rope table': tables.rope.bytes,
    'temperature table': tables.temperature.bytes,
    ones: tables.ones.bytes,
  };
  const buffers = Object.entries({ ...working, 'keys and values': kv.largest });
  const largest = buffers
    .map(([label, bytes]) => ({ label, bytes }))
    .reduce((most, buffer) => (buffer.bytes > most.bytes ? buffer : most));
  if (largest.bytes > maxBinding) throw tooLarge(largest, maxBinding);
  const activations = Object.values(working).reduce((sum, bytes) => sum + bytes, 0);
  return { kv: kv.chunked + kv.global, chunkedKv: kv.chunked, activations, largest };
}

export interface KvBytes {
  /** Of all layers that attend in chunks. */
  readonly chunked: number;
  /** Of all layers that attend to everything. */
  readonly global: number;
  /** Of the largest buffer. */
  readonly largest: number;
}

/** Throws what `kvRegions` throws. */
export function sizeKv(config: ModelConfig, schedule: Schedule, request: KvRequest): KvBytes {
  const perToken = kvBytesPerToken(config, request.kvDtype);
  const regions = kvRegions(config, schedule, request);
  // Layers of one kind are alike, and a long context has many segments: one of each is enough to add up.
  const [chunked, global] = (['chunked', 'global'] as const).map((kind) => {
    const layers = schedule.layers.filter(({ attention }) => attention === kind);
    const slots = layers.length === 0 ? [] : regions[layers[0]!.index]!.map((region) => region.slots);
    const tokens = slots.reduce((sum, count) => sum + count, 0);
    return { bytes: layers.length * tokens * perToken, largest: slots.reduce((a, b) => Math.max(a, b), 0) * perToken };
  }) as [Kind, Kind];
  return { chunked: chunked.bytes, global: global.bytes, largest: Math.max(chunked.largest, global.largest) };
}

interface Kind {
  readonly bytes: number;
  readonly largest: number;
}

/**
 * Tokens: what is asked for, else the least of the model's, 8192 and what fits.
 * Throws `invalid_request` for what is no number of tokens, or more than the model's.
 * @param fits what `longestContext` says, where there is a budget
 */
export function chooseContextLength(wanted: number | undefined, config: ModelConfig, fits?: number): number {
  const most = config.maxPositionEmbeddings;
  if (wanted === undefined) return Math.min(most, DEFAULT_CONTEXT_LENGTH, fits || most);
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= most) return wanted;
  throw new OutriderError(
    'invalid_request',
    `contextLength is ${wanted}; it must be a whole number of tokens from 1 to the model's ${most}.`,
    { details: { contextLength: wanted, most } },
  );
}

function tooLarge({ label, bytes }: TimelineBytes['largest'], maxBinding: number): OutriderError {
  const message = `"${label}" needs a buffer of ${bytes} bytes for this context; this adapter allows ${maxBinding}. Choose a shorter contextLength.`;
  return new OutriderError('model_too_large', message, { details: { label, bytes, maxBinding } });
}
