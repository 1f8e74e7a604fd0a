/**
 * Pieces from the loader into GPU buffers. Bytes are written as they came; bands of fused or re-ordered tensors pass through a
 * kernel. How much is under way is bounded by the staging buffers.
 */
import { PipelineCache, packFields } from '../gpu/kernel.ts';
import type { BandDispatch } from '../kernels/transpose.ts';
import type { Piece, Write } from './pieces.ts';
import { StagingRing } from './staging-ring.ts';

type BandWrite = Write & { readonly kind: 'band' };

export class Uploader {
  readonly #device: GPUDevice;
  readonly #bufferOf: (index: number) => GPUBuffer;
  readonly #pipelines: PipelineCache;
  readonly #staging: StagingRing;
  #band: GPUBuffer | undefined;

  /** @param bufferOf the buffer that a layout's number stands for */
  constructor(device: GPUDevice, bufferOf: (index: number) => GPUBuffer) {
    this.#device = device;
    this.#bufferOf = bufferOf;
    this.#pipelines = new PipelineCache(device);
    this.#staging = new StagingRing(device);
  }

  /** Resolves when more may come and the piece's bytes are free again. Throws `device_lost`. */
  async upload({ blobs, writes }: Piece): Promise<void> {
    for (const write of writes) {
      const bytes = blobs[write.blob]!;
      if (write.kind === 'band') await this.#writeBand(write, bytes);
      else await this.#staging.write(this.#bufferOf(write.buffer), write.offset, bytes, write.at, write.length);
    }
  }

  /** Waits until everything has arrived. */
  async finish(): Promise<void> {
    await this.#device.queue.onSubmittedWorkDone();
  }

  destroy(): void {
    this.#band?.destroy();
    this.#staging.destroy();
  }

  async #writeBand(write: BandWrite, bytes: ArrayBuffer): Promise<void> {
    const band = this.#bandOf(write.length);
    await this.#staging.write(band, 0, bytes, write.at, write.length);
    for (const { buffer, dispatch } of write.targets) {
      await this.#run(dispatch, { band, matrix: this.#bufferOf(buffer) });
    }
  }

  /** One for all bands: the queue runs what reads it before the next write. */
  #bandOf(size: number): GPUBuffer {
    if (!this.#band || this.#band.size < size) {
      this.#band?.destroy();
      this.#band = this.#device.createBuffer({
        label: 'band',
        size,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
      });
    }
    return this.#band;
  }

  async #run({ variant, params: values = {}, grid }: BandDispatch, buffers: Record<string, GPUBuffer>): Promise<void> {
    const device = this.#device;
    const { pipeline, layout } = await this.#pipelines.get(variant);
    const size = Math.ceil((variant.kernel.params.length * 4) / 16) * 16;
    const bytes = new DataView(new ArrayBuffer(size));
    packFields(variant.kernel.name, variant.kernel.params, values, bytes);
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    const params = device.createBuffer({ label: `${variant.kernel.name} params`, size, usage });
    device.queue.writeBuffer(params, 0, bytes.buffer);
    const entries = variant.kernel.bindings.map(({ index, name }) => ({
      binding: index,
      resource: { buffer: name === 'params' ? params : buffers[name]! },
    }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(grid[0], grid[1]);
    pass.end();
    device.queue.submit([encoder.finish()]);
    params.destroy(); // WebGPU keeps it until the submitted work is done
  }
}
