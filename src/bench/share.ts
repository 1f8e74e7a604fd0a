/** What a roofline makes of a cost. Pure. */
import type { Cost } from '../gpu/plan.ts';
import type { Roofline } from './results.ts';

export type Roofs = Pick<Roofline, 'readRate' | 'flopRate'>;

/** Seconds that no kernel of this cost can stay below: whichever takes longer, its bytes or its operations. */
export function leastSeconds({ bytes, flops }: Cost, { readRate, flopRate }: Roofs): number {
  return Math.max(bytes / readRate, flops / flopRate);
}

/** The least time over the time taken: 0 .. 1, and a little more where caches help. */
export function shareOf(cost: Cost, seconds: number, roofs: Roofs): number {
  return leastSeconds(cost, roofs) / seconds;
}

export function sumCost(dispatches: readonly { readonly cost: Cost }[]): Cost {
  const sum = (of: keyof Cost) => dispatches.reduce((total, { cost }) => total + cost[of], 0);
  return { bytes: sum('bytes'), flops: sum('flops') };
}
