/** The ways to compute a matmul on an adapter, all lossless; a micro-benchmark chooses. */
import type { AdapterClass } from './variants.ts';

export interface MatmulVariant {
  readonly name: string;
}

/** The best guess first. */
export function matmulVariants(_adapter: AdapterClass): readonly MatmulVariant[] {
  return [{ name: 'registers' }];
}
