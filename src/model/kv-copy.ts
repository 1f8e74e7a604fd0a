/** Copies of a timeline's keys and values, kept aside on the GPU: exactly the slots in use. */
import type { KvCache, UsedSlots } from './kv-cache.ts';
import type { KvCopy } from './runner.ts';

interface Part extends UsedSlots {
  /** Keys, then values. */
  readonly copy: GPUBuffer;
}

export class GpuKvCopy implements KvCopy {
  readonly bytes: number;
  readonly parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.parts = parts;
    this.bytes = parts.reduce((sum, { copy }) => sum + copy.size, 0);
  }

  destroy(): void {
    for (const { copy } of this.parts) copy.destroy();
  }
}

/** Bytes of a copy. */
export function kvCopyBytes(kv: KvCache, length: number, reach: number): number {
  return kv.used(length, reach).reduce((sum, { used }) => sum + used * kv.bytesPerToken, 0);
}

/**
 * Copies positions 0 .. length - 1. Room for the rest of a full context is proved at the same time, as loading does, so
 * that a copy never takes what the conversation itself was promised.
 * @param reach see `Runner.saveKv`
 * @returns undefined where the GPU refuses
 */
export async function saveKv(
  device: GPUDevice,
  kv: KvCache,
  length: number,
  reach: number,
): Promise<GpuKvCopy | undefined> {
  const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  device.pushErrorScope('validation'); // some browsers report a refused buffer here
  device.pushErrorScope('out-of-memory');
  const parts = kv.used(length, reach).map((slots): Part => {
    const size = slots.used * kv.bytesPerToken;
    return { ...slots, copy: device.createBuffer({ label: `copy of KV of ${slots.used} tokens`, size, usage }) };
  });
  const rest = kv.missingBytes().map((size) => device.createBuffer({ label: 'room for KV', size, usage }));
  const scopes = Promise.all([device.popErrorScope(), device.popErrorScope()]);
  for (const buffer of rest) buffer.destroy();
  const copy = new GpuKvCopy(parts);
  const refused = await scopes.then(
    (errors) => errors.some((error) => error),
    () => true, // the device is lost, as the next run will say
  );
  if (refused) {
    copy.destroy();
    return undefined;
  }
  move(device, kv, parts, (encoder, part, at, from, bytes) => {
    encoder.copyBufferToBuffer(part.buffer(), at, part.copy, from, bytes);
  });
  return copy;
}

/** Puts positions back where they were. */
export function restoreKv(device: GPUDevice, kv: KvCache, { parts }: GpuKvCopy): void {
  move(device, kv, parts, (encoder, part, at, from, bytes) => {
    encoder.copyBufferToBuffer(part.copy, from, part.buffer(), at, bytes);
  });
}

/** One submit over all keys and values of `parts`. @param step gets offsets in the region and in the copy, bytes */
function move(
  device: GPUDevice,
  kv: KvCache,
  parts: readonly Part[],
  step: (encoder: GPUCommandEncoder, part: Part, at: number, from: number, bytes: number) => void,
): void {
  const encoder = device.createCommandEncoder({ label: 'copy of KV' });
  const half = kv.bytesPerToken / 2;
  for (const part of parts) {
    step(encoder, part, 0, 0, part.used * half);
    step(encoder, part, part.slots * half, part.used * half, part.used * half);
  }
  device.queue.submit([encoder.finish()]);
}
