/** A model's weights onto the GPU, into a few buffers that all of its buffers share: room for one is enough for twenty. */
import { OutriderError } from '../../errors.ts';
import type { Gpu } from '../../gpu/device.ts';
import type { BufferPlan } from '../../model/layout/layout.ts';
import type { ModelReader } from '../../model/reader.ts';
import { Uploader } from '../../model/upload.ts';
import type { Work } from './types.ts';

/** Reads headers, allocates, and clears what it allocated: WebGPU would do that at the first write, inside the work. */
export async function prepareFill(gpu: Gpu, reader: ModelReader): Promise<Work> {
  const { device, facts } = gpu;
  await reader.inspect();
  const maxBytes = Math.min(facts.maxBufferSize, facts.maxStorageBufferBindingSize);
  const placed = await reader.layOut({ maxBytes });
  const pool = allocatePool(device, placed.buffers);
  await clear(device, [...pool.values()]);
  const uploader = new Uploader(device, (index) => pool.get(placed.buffers[index]!.size)!);
  return async () => {
    const start = performance.now();
    try {
      for await (const piece of reader.pieces()) {
        await uploader.upload(piece);
        if (gpu.failure) throw gpu.failure;
      }
      await uploader.finish();
      for await (const { phase, file } of reader.complete()) {
        if (phase === 'replaced') throw arrivedWrong(file);
      }
      const seconds = (performance.now() - start) / 1000;
      const gpuBytes = [...pool.values()].reduce((sum, { size }) => sum + size, 0);
      return { bytes: placed.bytes, seconds, gpuBytes, adapter: facts.description || facts.architecture };
    } finally {
      uploader.destroy();
      await reader.close();
      gpu.destroy();
    }
  };
}

/** One buffer of each size that the layout has. */
function allocatePool(device: GPUDevice, plans: readonly BufferPlan[]): Map<number, GPUBuffer> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const sizes = new Set(plans.map(({ size }) => size));
  return new Map([...sizes].map((size) => [size, device.createBuffer({ label: 'recycled', size, usage })]));
}

async function clear(device: GPUDevice, buffers: readonly GPUBuffer[]): Promise<void> {
  const encoder = device.createCommandEncoder();
  for (const buffer of buffers) encoder.clearBuffer(buffer);
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
}

function arrivedWrong(file: string): OutriderError {
  const message = `${file} arrived with another hash than was promised. The load is broken: run its tests.`;
  return new OutriderError('checksum_mismatch', message, { details: { file } });
}
