/** The ways to compute a matvec on an adapter, all lossless; a micro-benchmark chooses. */
import type { MatvecOutline } from './matvec-kernels.ts';
import type { AdapterClass } from './variants.ts';

export interface MatvecVariant {
  readonly name: string;
  readonly outline: MatvecOutline;
  /** Uses `subgroups`: which an adapter may have, and yet be slow at. */
  readonly subgroups: boolean;
  /** Shards of a stack that one dispatch reads. A branch at each load is free on a GPU, and dear where a CPU computes. */
  readonly maxShards: 1 | 3;
}

/** The best guess first. */
export function matvecVariants(adapter: AdapterClass): readonly MatvecVariant[] {
  const { software, subgroups, subgroupMinSize, subgroupMaxSize } = adapter;
  const variants: MatvecVariant[] = [];
  const add = (name: string, outline: MatvecOutline, subgroups: boolean) =>
    variants.push({ name, outline, subgroups, maxShards: outline === 'lanes' ? 3 : 1 });
  if (software) {
    // Columns are handed round by their lanes' numbers, which all subgroups must have.
    if (subgroups && subgroupMinSize >= 4 && subgroupMinSize === subgroupMaxSize) add('rows', 'rows', true);
    add('rows, no subgroups', 'rows', false);
  }
  if (subgroups && subgroupMinSize >= 2) add('lanes', 'lanes', true);
  add('lanes, no subgroups', 'lanes', false);
  return variants;
}
