/** One decode step by what its operations are in the model, whichever kernels do them. Pure. */
import type { OpTime } from '../../bench/results.ts';

/** All dispatches with one label. */
export interface LabelTime extends Omit<OpTime, 'kernel' | 'share'> {
  readonly kernels: readonly string[];
}

/** In the order in which labels come first. */
export function groupByLabel(ops: readonly OpTime[]): LabelTime[] {
  const groups = new Map<string, LabelTime>();
  for (const { label, kernel, dispatches, seconds, bytes, flops } of ops) {
    const before = groups.get(label) ?? { label, kernels: [], dispatches: 0, seconds: 0, bytes: 0, flops: 0 };
    groups.set(label, {
      label,
      kernels: [...before.kernels, kernel],
      dispatches: before.dispatches + dispatches,
      seconds: before.seconds + seconds,
      bytes: before.bytes + bytes,
      flops: before.flops + flops,
    });
  }
  return [...groups.values()];
}
