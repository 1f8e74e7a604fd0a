/** What an adapter and the engine's options make of the kernels: decided once, when a model is loaded. */
import { OutriderError } from '../errors.ts';
import type { Kernel, Variant } from '../gpu/kernel.ts';
import type { Activations, AdapterClass } from './adapter-class.ts';
import { type AttentionVariant, attentionVariants } from './attention-variants.ts';
import { type MatmulVariant, matmulVariants } from './matmul-variants.ts';
import { type MatvecVariant, matvecVariants } from './matvec-variants.ts';

export type { Activations, AdapterClass };

/** Names of variants, where a choice was made: by a micro-benchmark, or by whoever wants to have it so. */
export interface ChosenVariants {
  readonly matvec?: string | undefined;
  readonly matmul?: string | undefined;
  readonly attention?: string | undefined;
}

/** Kernels among which one is chosen for all. */
export type Family = keyof ChosenVariants;

/** Of a workgroup that adds up a row, whose threads each add all sums: few where each turn of a loop has its price. */
export const ROW_THREADS = { gpu: 64, software: 8 } as const;

export interface KernelOptions {
  /** Activations inside a product, where they are floats. */
  readonly elem: 'f32' | 'f16';
  readonly matvec: MatvecVariant;
  readonly matmul: MatmulVariant;
  readonly attention: AttentionVariant;
  /** One of `ROW_THREADS`. */
  readonly rowThreads: number;
}

/** The chosen variants, or the best guess for this class of adapter. Throws `invalid_request` for a name that it does not have. */
export function kernelOptions(
  adapter: AdapterClass,
  activations: Activations,
  chosen: ChosenVariants = {},
): KernelOptions {
  return {
    elem: activations === 'f16' ? 'f16' : 'f32',
    matvec: choose('matvec', matvecVariants(adapter, activations), chosen.matvec),
    matmul: choose('matmul', matmulVariants(adapter), chosen.matmul),
    attention: choose('attention', attentionVariants(adapter), chosen.attention),
    rowThreads: ROW_THREADS[adapter.software ? 'software' : 'gpu'],
  };
}

/** What was chosen, without why. */
export function namesIn({ matvec, matmul, attention }: Record<Family, { readonly name: string }>): ChosenVariants {
  return { matvec: matvec.name, matmul: matmul.name, attention: attention.name };
}

/** Names of the variants that an adapter has, the best guess of each family first. They differ in nothing but rounding of f32. */
export function variantNames(adapter: AdapterClass, activations?: Activations): Record<Family, string[]> {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
  return {
    matvec: names(matvecVariants(adapter, activations)),
    matmul: names(matmulVariants(adapter)),
    attention: names(attentionVariants(adapter)),
  };
}

function choose<T extends { readonly name: string }>(
  family: Family,
  variants: readonly T[],
  name: string | undefined,
): T {
  const found = name === undefined ? variants[0] : variants.find((variant) => variant.name === name);
  if (found) return found;
  const allowed = variants.map((one) => one.name);
  throw new OutriderError(
    'invalid_request',
    `variants.${family} is "${name}"; this adapter has "${allowed.join('", "')}".`,
    { details: { field: `variants.${family}`, value: String(name), allowed } },
  );
}

/** A variant of a kernel that has neither products nor reductions over lanes. */
export function plain(kernel: Kernel, overrides: Record<string, number> = {}): Variant {
  return { kernel, overrides, elem: 'f32', subgroups: false };
}
