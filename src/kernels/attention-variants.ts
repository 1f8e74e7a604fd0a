/** The ways to compute attention on an adapter, all lossless; a micro-benchmark chooses. */
import type { AdapterClass } from './variants.ts';

export interface AttentionVariant {
  readonly name: string;
}

/** The best guess first. */
export function attentionVariants(_adapter: AdapterClass): readonly AttentionVariant[] {
  return [{ name: 'row per workgroup' }];
}
