/** Which kernel reads a matrix, by how it is stored, and which of its facts that kernel wants to know. */
import type { Kernel } from '../gpu/kernel.ts';
import type { BlobLayout, Storage } from './matrix.ts';
import type { Codec } from './packed.ts';

/** One entry per row of the table in matrix.ts. */
export type ByStorage<T> = Readonly<Record<'float' | 'int4' | Codec, T>>;

export function pick<T>(table: ByStorage<T>, storage: Storage): T {
  return table[storage.kind === 'int4' && storage.ordered ? 'ordered' : storage.kind];
}

/** `values` and the places of the blob's sections, as far as the kernel declares them in its `Params`. */
export function declared(
  kernel: Kernel,
  { scalesAt, zerosAt, orderAt }: BlobLayout,
  values: Readonly<Record<string, number>>,
): Record<string, number> {
  const places = { scales_at: scalesAt, zeros_at: zerosAt, order_at: orderAt };
  const wanted = Object.entries(places).filter(([place]) => kernel.params.some(({ name }) => name === place));
  return { ...Object.fromEntries(wanted), ...values };
}
