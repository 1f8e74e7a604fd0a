/** What an adapter and the engine's options make of the kernels: decided once, when a model is loaded. */
import type { Kernel, Variant } from '../gpu/kernel.ts';

export interface KernelOptions {
  /** Activations inside a product; f32 is lossless. */
  readonly elem: 'f32' | 'f16';
  /** Threads that share rows in a matvec. With subgroups: the adapter's least subgroup size, so that shuffles suffice. */
  readonly lanes: number;
  readonly subgroups: boolean;
}

/** Without subgroups: 8 threads read 128 neighbouring bytes of a row, a cache line, and one barrier joins them. */
export const LANES_WITHOUT_SUBGROUPS = 8;

export function kernelOptions(
  facts: { f16: boolean; subgroups: boolean; subgroupMinSize: number },
  elem: 'f32' | 'f16',
): KernelOptions {
  const lanes = Math.min(64, facts.subgroupMinSize);
  const subgroups = facts.subgroups && lanes >= 2;
  return { elem, lanes: subgroups ? lanes : LANES_WITHOUT_SUBGROUPS, subgroups };
}

/** A variant of a kernel that has neither products nor reductions over lanes. */
export function plain(kernel: Kernel, overrides: Record<string, number> = {}): Variant {
  return { kernel, overrides, elem: 'f32', subgroups: false };
}
