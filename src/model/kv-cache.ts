/**
 * Keys and values of every layer. A chunked layer has one region of a chunk's length, made at load, that restarts at each
 * boundary (slot = position mod chunk). A global layer has segments that are made as the context grows and never move.
 */
import { OutriderError } from '../errors.ts';
import type { AttentionShape, KvDtype, KvRegion } from '../kernels/attention.ts';
import type { ModelConfig } from './config.ts';
import type { Schedule } from './irope.ts';
import { kvBytesPerToken, kvRegions } from './memory/kv.ts';

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

  /** Frees its buffer; the next use makes another. */
  destroy(): void {
    this.#buffer?.destroy();
    this.#buffer = undefined;
  }

  buffer = (): GPUBuffer => {
    this.#buffer ??= this.#create();
    return this.#buffer;
  };
}

/** The first slots of a region: [2, slots, num_kv_heads, head_dim], of which `used` keys and as many values matter. */
export interface UsedSlots {
  readonly buffer: () => GPUBuffer;
  readonly slots: number;
  readonly used: number;
}

export class KvCache {
  readonly #device: GPUDevice;
  readonly #schedule: Schedule;
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
    this.#schedule = schedule;
    const { numAttentionHeads: numHeads, numKeyValueHeads: numKvHeads, headDim } = config;
    this.bytesPerToken = kvBytesPerToken(config, kvDtype);
    this.#shapes = schedule.layers.map(({ attention }) => ({
      numHeads,
      numKvHeads,
      headDim,
      chunked: attention === 'chunked',
      kvDtype,
    }));
    this.#layers = kvRegions(config, schedule, { contextLength, kvDtype, maxBinding }).map((regions, layer) => {
      const create = (slots: number) => this.#create(slots, layer);
      return regions.map(({ first, slots }) => new Region(first, slots, create));
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
      for (const region of missing) region.destroy(); // none of them can be relied on
      this.#allocatedBytes = before;
      throw new OutriderError(
        'gpu_out_of_memory',
        `The GPU refused ${bytes} bytes for keys and values up to position ${end} (${before} bytes are allocated). Close other GPU-heavy tabs, or use a shorter context.`,
        {
          details: { bytes, allocated: before, position: end },
        },
      );
    });
  }

  /** Bytes of each buffer that a full context still needs. */
  missingBytes(): number[] {
    return this.#layers
      .flat()
      .filter((region) => !region.allocated)
      .map(({ slots }) => slots * this.bytesPerToken);
  }

  /** Where positions 0 .. length - 1 lie. @param reach see `Runner.saveKv` */
  used(length: number, reach: number): UsedSlots[] {
    const { chunk } = this.#schedule;
    const chunkStart = chunk === Number.POSITIVE_INFINITY ? 0 : Math.floor(Math.max(0, reach - 1) / chunk) * chunk;
    return this.#layers.flatMap((regions, layer) => {
      const { chunked } = this.#shapes[layer]!;
      return regions.flatMap(({ first, slots, buffer }) => {
        const used = Math.min(slots, length - (chunked ? chunkStart : first));
        return used > 0 ? [{ buffer, slots, used }] : [];
      });
    });
  }

  /** Frees every region. */
  destroy(): void {
    for (const region of this.#layers.flat()) region.destroy();
  }

  #create(slots: number, layer: number): GPUBuffer {
    const size = slots * this.bytesPerToken;
    this.#allocatedBytes += size;
    return this.#device.createBuffer({
      label: `layer ${layer} KV of ${slots} tokens`,
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
  }
}
