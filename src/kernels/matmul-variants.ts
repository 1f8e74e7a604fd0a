/** The ways to compute a matmul on an adapter, all lossless; a micro-benchmark chooses. */

import type { AdapterClass } from './adapter-class.ts';
import type { MatmulOutline } from './matmul-kernels.ts';

export interface MatmulVariant {
  readonly name: string;
  readonly outline: MatmulOutline;
  /** The subgroup size, where x is handed round in subgroups; which must all have it, since lanes are called by number. */
  readonly lanes: number | undefined;
  /** Tokens of a workgroup where the matrix is not routed. */
  readonly tileTokens: 32 | 64;
}

/** The best guess first. */
export function matmulVariants({ software, subgroups, subgroupMinSize, subgroupMaxSize }: AdapterClass) {
  const variants: MatmulVariant[] = [];
  if (software) {
    if (subgroups && subgroupMinSize >= 4 && subgroupMinSize === subgroupMaxSize)
      variants.push({ name: 'rows', outline: 'rows', lanes: subgroupMinSize, tileTokens: 32 });
  } else {
    variants.push({ name: 'tiles of 64', outline: 'tiles', lanes: undefined, tileTokens: 64 });
    variants.push({ name: 'tiles of 32', outline: 'tiles', lanes: undefined, tileTokens: 32 });
  }
  // Also where workgroup memory is no faster than the rest.
  variants.push({ name: 'rows, no subgroups', outline: 'rows', lanes: undefined, tileTokens: 32 });
  return variants;
}
