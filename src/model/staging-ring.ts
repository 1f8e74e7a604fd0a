/**
 * Mapped buffers, used in turn, through which bytes reach the GPU. `queue.writeBuffer` finds itself new memory for every
 * call, and that costs more than the copying. CPU seconds per GB on software adapters, `writeBuffer` in slices of 1 or
 * 4 MiB against this with 1, 2 and 4 MiB: Chromium on SwiftShader 1.4, 1.2 against 0.8, 0.6, 0.65; Node on lavapipe
 * 1.0, 0.85 against 0.45, 0.37, 0.45.
 */
import { OutriderError } from '../errors.ts';
import { STAGING_SLICE_BYTES, STAGING_SLICES } from './memory/under-way.ts';

/** Not worth a slot: WebGPU keeps these in the command stream. */
const SMALL_BYTES = 64 << 10;
/**
 * A slot is asked for when so many others have been used since: by then the GPU has most likely read it, and the answer is
 * still there in time. Dawn under Node polls, with all of a core, for as long as anybody waits for the GPU.
 */
const MAP_BEHIND = STAGING_SLICES / 2;
/** Firefox looks for finished work every 100 ms, and whenever something is submitted. */
const NUDGE_MILLISECONDS = 5;

interface Slot {
  readonly buffer: GPUBuffer;
  /** Settles when it can be written to again; undefined where nobody has asked yet. */
  mapped?: Promise<unknown>;
}

export class StagingRing {
  readonly #device: GPUDevice;
  /** The one that was used longest ago is first. */
  readonly #slots: Slot[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /**
   * Bytes [at, at + length) to `offset` of a buffer, in order with everything else that is submitted. Resolves when `bytes`
   * are free again. All in bytes, multiples of 4; `at` need not be. Throws `device_lost`.
   */
  async write(target: GPUBuffer, offset: number, bytes: ArrayBuffer, at: number, length: number): Promise<void> {
    if (length <= SMALL_BYTES) return this.#device.queue.writeBuffer(target, offset, bytes, at, length);
    for (let done = 0; done < length; done += STAGING_SLICE_BYTES) {
      const size = Math.min(STAGING_SLICE_BYTES, length - done);
      const buffer = await this.#take();
      new Uint8Array(buffer.getMappedRange(0, size)).set(new Uint8Array(bytes, at + done, size));
      buffer.unmap();
      const encoder = this.#device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, target, offset + done, size);
      this.#device.queue.submit([encoder.finish()]);
      this.#slots.push({ buffer });
      for (const slot of this.#slots.slice(0, -MAP_BEHIND)) askFor(slot);
    }
  }

  destroy(): void {
    for (const { buffer } of this.#slots) buffer.destroy();
  }

  /** A mapped buffer: a new one until there are enough. */
  async #take(): Promise<GPUBuffer> {
    if (this.#slots.length < STAGING_SLICES) {
      const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC;
      return this.#device.createBuffer({ label: 'staging', size: STAGING_SLICE_BYTES, usage, mappedAtCreation: true });
    }
    const slot = this.#slots.shift()!;
    const { buffer } = slot;
    const nudging = setInterval(() => this.#device.queue.submit([]), NUDGE_MILLISECONDS);
    try {
      await askFor(slot);
    } catch (cause) {
      buffer.destroy();
      throw new OutriderError(
        'device_lost',
        'The GPU device was lost while weights were written. Load the model again.',
        { cause },
      );
    } finally {
      clearInterval(nudging);
    }
    return buffer;
  }
}

/** Maps a slot, once the GPU has read it. */
function askFor(slot: Slot): Promise<unknown> {
  if (!slot.mapped) {
    slot.mapped = slot.buffer.mapAsync(GPUMapMode.WRITE);
    slot.mapped.catch(() => {}); // whoever takes it next hears of it
  }
  return slot.mapped;
}
