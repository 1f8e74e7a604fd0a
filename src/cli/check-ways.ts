/** The ways to compute that `outrider check --all-variants` goes through. */
import type { AdapterFacts } from '../gpu/device.ts';
import { type Activations, type ChosenVariants, variantNames } from '../kernels/variants.ts';

/** How a folder is computed once; what is left out is the adapter's own. */
export interface Way {
  readonly label: string;
  readonly activations: readonly Activations[];
  readonly variants?: ChosenVariants;
  readonly subgroups?: false;
}

/** What is checked without being asked for more. */
export const USUAL: Way = { label: '', activations: ['f32', 'f16'] };

/**
 * Every lossless variant of an adapter, with and without subgroups: the best guesses, each other name in its turn, and
 * (variants of one family may lay weights out for another) the second names together, the third ones, and so on. Then what
 * is lossy, which has gates of its own, likewise.
 */
export function allWays(facts: AdapterFacts): Way[] {
  const lossless = waysOf(facts, '', 'f32');
  const plain = facts.subgroups ? waysOf({ ...facts, subgroups: false }, 'no subgroups', 'f32') : [];
  const lossy = [...(facts.f16 ? waysOf(facts, 'f16', 'f16') : []), ...waysOf(facts, 'int8', 'int8')];
  return [...lossless, ...plain.map((way) => ({ ...way, subgroups: false as const })), ...lossy];
}

function waysOf(facts: AdapterFacts, prefix: string, activations: Activations): Way[] {
  const names = variantNames(facts, activations);
  const families = Object.entries(names) as [keyof typeof names, string[]][];
  const inTurn = families.flatMap(([family, list]) => list.slice(1).map((name) => ({ [family]: name })));
  const several = families.filter(([, list]) => list.length > 1);
  const together = Array.from({ length: Math.max(...families.map(([, list]) => list.length)) - 1 }, (_, index) =>
    Object.fromEntries(several.map(([family, list]) => [family, list[Math.min(index + 1, list.length - 1)]!])),
  );
  return [{}, ...inTurn, ...(several.length > 1 ? together : [])].map((variants: ChosenVariants) => ({
    label: [prefix, ...Object.entries(variants).map(([family, name]) => `${family} "${name}"`)]
      .filter(Boolean)
      .join(', '),
    activations: [activations],
    variants,
  }));
}
