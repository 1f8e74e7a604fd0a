/** The diagnostic replay: what each operation of a run takes when it runs alone, many times. */
import type { PlannedDispatch } from '../../gpu/plan.ts';
import { encodeAll } from '../lab.ts';
import type { OpTime } from '../results.ts';
import { type Roofs, shareOf, sumCost } from '../share.ts';
import type { Timer, TimingOptions } from '../timing.ts';

/** Runs of each kernel at least, unless they take longer than the timing's seconds. */
const RUNS = 50;

export interface ReplayOptions extends Omit<TimingOptions, 'repeats'> {
  readonly onOp?: ((label: string, done: number) => void) | undefined;
}

/**
 * Times the dispatches of a run, label by label, each label in passes of its own: all of its dispatches in the run's order, so
 * that every layer's weights are read and none stays in a cache that would not keep it in a real run. The run itself must have
 * been submitted before: its position is in the state, and its keys and values have their room.
 */
export async function replay(
  timer: Timer,
  dispatches: readonly PlannedDispatch[],
  roofs: Roofs,
  { onOp, ...timing }: ReplayOptions,
): Promise<OpTime[]> {
  const groups = groupOps(dispatches);
  const ops: OpTime[] = [];
  for (const group of groups) {
    const { label, kernel } = group[0]!;
    onOp?.(label, ops.length / groups.length);
    const repeats = Math.ceil(RUNS / group.length);
    const seconds = await timer.time(encodeAll(group), { ...timing, repeats });
    const cost = sumCost(group);
    ops.push({ label, kernel, dispatches: group.length, seconds, ...cost, share: shareOf(cost, seconds, roofs) });
  }
  return ops;
}

/** By label and kernel, in the order in which they first come. */
function groupOps(dispatches: readonly PlannedDispatch[]): PlannedDispatch[][] {
  const groups = new Map<string, PlannedDispatch[]>();
  for (const dispatch of dispatches) {
    const key = `${dispatch.label} ${dispatch.kernel}`;
    const group = groups.get(key);
    if (group) group.push(dispatch);
    else groups.set(key, [dispatch]);
  }
  return [...groups.values()];
}
