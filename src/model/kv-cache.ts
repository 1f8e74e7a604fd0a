/**
 * Keys and values of every layer. A chunked layer has one region of a chunk's length, made at load, that restarts at each
 * boundary (slot = position mod chunk). A global layer has segments that are made as the context grows and never move.
 */
import { OutriderError } from '../errors.ts';
import type { AttentionShape, KvDtype, KvRegion } from '../kernels/attention.ts';
import type { ModelConfig } from './config.ts';
import type { Schedule } from './irope.ts';

/** Segment starts and sizes are multiples of this many tokens, so blocks are cut at its multiples too. */
export const SEGMENT_TOKENS = 512;

class Region implements KvRegion {
  readonly first: number;
  readonly slots: number;
  readonly #create: () => GPUBuffer;
  #buffer: GPUBuffer | undefined;

  constructor(first: number, slots: number, create: (slots: number) => GPUBuffer) {
    this.first = first;
    this.slots = slots;
    this.#create = () => create(slots);
  }

  get allocated(): boolean {
    return this.#buffer !== undefined;
  }

  buffer = (): GPUBuffer => {
    this.#buffer ??= this.#create();
    return this.#buffer;
  };
}

export class KvCache {
  readonly #device: GPUDevice;
  readonly #layers: readonly (readonly Region[])[];
  readonly #shapes: readonly AttentionShape[];
  /** Of one layer. */
  readonly bytesPerToken: number;
  #allocatedBytes = 0;

  /**
   * @param maxBinding bytes that one storage binding may have
   * @throws OutriderError `model_too_large` where a chunk or the least segment exceeds it, `invalid_request` where heads
   * cannot be stored as f16
   */
  constructor(
    device: GPUDevice,
    config: ModelConfig,
    schedule: Schedule,
    contextLength: number,
    maxBinding: number,
    kvDtype: KvDtype = 'f32',
  ) {
    this.#device = device;
    const { numAttentionHeads: numHeads, numKeyValueHeads: numKvHeads, headDim } = config;
    if (kvDtype === 'f16' && headDim % 8 !== 0) throw oddHead(headDim);
    this.bytesPerToken = kvBytesPerToken(config, kvDtype);
    const most = Math.floor(maxBinding / this.bytesPerToken);
    const chunk = Math.min(schedule.chunk, contextLength);
    if (most < SEGMENT_TOKENS || (schedule.chunk < Number.POSITIVE_INFINITY && most < chunk))
      throw tooLarge(chunk, this.bytesPerToken, maxBinding);
    this.#shapes = schedule.layers.map(({ attention }) => ({
      numHeads,
      numKvHeads,
      headDim,
      chunked: attention === 'chunked',
      kvDtype,
    }));
    this.#layers = schedule.layers.map(({ attention, index }) => {
      const create = (slots: number) => this.#create(slots, index);
      if (attention === 'chunked') return [new Region(0, chunk, create)];
      return segmentLengths(contextLength, most).map(({ first, slots }) => new Region(first, slots, create));
    });
  }

  shape(layer: number): AttentionShape {
    return this.#shapes[layer]!;
  }

  regions(layer: number): readonly KvRegion[] {
    return this.#layers[layer]!;
  }

  /** Bytes on the GPU now. */
  get allocatedBytes(): number {
    return this.#allocatedBytes;
  }

  /**
   * Makes room for positions below `end`. Returns at once; the promise is there only if something was allocated, and
   * rejects with `gpu_out_of_memory` where that was refused.
   */
  reserve(end: number): Promise<void> | undefined {
    const missing = this.#layers.flatMap((regions) =>
      regions.filter((region) => region.first < end && !region.allocated),
    );
    if (missing.length === 0) return undefined;
    const before = this.#allocatedBytes;
    this.#device.pushErrorScope('out-of-memory');
    for (const region of missing) region.buffer();
    return this.#device.popErrorScope().then((error) => {
      if (!error) return;
      const bytes = this.#allocatedBytes - before;
      throw new OutriderError(
        'gpu_out_of_memory',
        `The GPU refused ${bytes} bytes for keys and values up to position ${end} (${before} bytes are allocated). Close other GPU-heavy tabs, or use a shorter context.`,
        {
          details: { bytes, allocated: before, position: end },
        },
      );
    });
  }

  #create(slots: number, layer: number): GPUBuffer {
    const size = slots * this.bytesPerToken;
    this.#allocatedBytes += size;
    return this.#device.createBuffer({
      label: `layer ${layer} KV of ${slots} tokens`,
      size,
      usage: GPUBufferUsage.STORAGE,
    });
  }
}

/** Keys and values of one token in one layer, in bytes. */
export function kvBytesPerToken(
  { numKeyValueHeads, headDim }: Pick<ModelConfig, 'numKeyValueHeads' | 'headDim'>,
  kvDtype: KvDtype,
): number {
  return 2 * numKeyValueHeads * headDim * (kvDtype === 'f16' ? 2 : 4);
}

/** 512, 512, 1024, 2048, ... tokens up to `most` each: few dispatches for a long context, little waste for a short one. */
export function segmentLengths(contextLength: number, most: number): { first: number; slots: number }[] {
  const segments: { first: number; slots: number }[] = [];
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
