/** The ways to compute attention on an adapter, all lossless; a micro-benchmark chooses. */
import type { AdapterClass } from './adapter-class.ts';

export interface AttentionVariant {
  readonly name: string;
  /** The size of all subgroups, where keys are handed round by shuffles; undefined: through workgroup memory. */
  readonly lanes: number | undefined;
}

/** Sizes that the shuffling kernels have registers and workgroup memory for. */
const LANES = [4, 8, 16];

/** The best guess first. What a class of adapters takes seconds to compile, only to be several times slower, is left out. */
export function attentionVariants(adapter: AdapterClass): readonly AttentionVariant[] {
  const { software, subgroups, subgroupMinSize, subgroupMaxSize } = adapter;
  // Which lane holds what must be known, so all subgroups must have one size.
  const fits = subgroups && subgroupMinSize === subgroupMaxSize && LANES.includes(subgroupMinSize);
  return [software && fits ? { name: 'shuffles', lanes: subgroupMinSize } : { name: 'tiles', lanes: undefined }];
}
