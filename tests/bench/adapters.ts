/** Adapters that are not there, for what is computed about them. */
import type { AdapterFacts } from '../../src/gpu/device.ts';

/** A discrete GPU whose bindings hold 2 GiB. */
export const LARGE_GPU: AdapterFacts = {
  vendor: 'none',
  architecture: '',
  device: '',
  description: 'a large GPU',
  software: false,
  f16: true,
  subgroups: true,
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  maxBufferSize: 2 ** 32,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
};

/** WebGPU's constants, where no WebGPU is. */
export function defineBufferUsage(): void {
  globalThis.GPUBufferUsage ??= { STORAGE: 0, UNIFORM: 0, COPY_SRC: 0, COPY_DST: 0 } as unknown as GPUBufferUsage;
}
