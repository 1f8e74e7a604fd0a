/** The ways to compute a matvec on an adapter; a micro-benchmark chooses among those of one type of activations. */

import type { Activations, AdapterClass } from './adapter-class.ts';
import type { MatvecOutline } from './matvec-kernels.ts';

export interface MatvecVariant {
  readonly name: string;
  readonly outline: MatvecOutline;
  /** Uses `subgroups`: which an adapter may have, and yet be slow at. */
  readonly subgroups: boolean;
  /** Threads that share rows or x. With subgroups: the adapter's least subgroup size, so that shuffles suffice. */
  readonly lanes: number;
  /** Shards of a stack that one dispatch reads. A branch at each load is free on a GPU, and dear where a CPU computes. */
  readonly maxShards: 1 | 3;
  /** Not lossless: x is rounded to int8, with a scale for every 32 columns, where the weights are int4. */
  readonly int8: boolean;
}

/** Without subgroups: 8 threads read 128 neighbouring bytes of a row, a cache line, and one barrier joins them. */
const LANES_WITHOUT_SUBGROUPS = 8;

/** The best guess first. All are lossless, unless `activations` is 'int8'. */
export function matvecVariants(adapter: AdapterClass, activations: Activations = 'f32'): readonly MatvecVariant[] {
  const { software, subgroups, subgroupMinSize, subgroupMaxSize } = adapter;
  const int8 = activations === 'int8';
  const variants: MatvecVariant[] = [];
  const add = (outline: MatvecOutline, subgroups: boolean) => {
    const name = [outline as string, ...(int8 ? ['int8'] : []), ...(subgroups ? [] : ['no subgroups'])].join(', ');
    const lanes = subgroups ? Math.min(64, subgroupMinSize) : LANES_WITHOUT_SUBGROUPS;
    variants.push({ name, outline, subgroups, lanes, maxShards: outline === 'lanes' ? 3 : 1, int8 });
  };
  if (software) {
    // Columns are handed round by their lanes' numbers, which all subgroups must have.
    if (subgroups && subgroupMinSize >= 4 && subgroupMinSize === subgroupMaxSize) add('rows', true);
    add('rows', false);
  }
  if (subgroups && subgroupMinSize >= 2) add('lanes', true);
  add('lanes', false);
  return variants;
}
