/** How busy the machine is with other things: what makes rates of different runs incomparable. */
import { cpus } from 'node:os';

const SAMPLE_MS = 400;

/** Busy share of all cores, 0..1, over a moment in which this process only waits. */
export async function busyShare(): Promise<number> {
  const before = coreTimes();
  await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  const after = coreTimes();
  return (after.busy - before.busy) / Math.max(1, after.all - before.all);
}

function coreTimes(): { busy: number; all: number } {
  const times = cpus().map(({ times }) => times);
  const all = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  return { busy: all - times.reduce((sum, { idle }) => sum + idle, 0), all };
}
