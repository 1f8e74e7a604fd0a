/** The ways to compute a matvec on an adapter, all lossless; a micro-benchmark chooses. */
import type { AdapterClass } from './variants.ts';

export interface MatvecVariant {
  readonly name: string;
}

/** The best guess first. */
export function matvecVariants(_adapter: AdapterClass): readonly MatvecVariant[] {
  return [{ name: 'lanes' }];
}
