/** CPU time and memory of processes, as Linux tells them in /proc; zeros elsewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Of USER_HZ, which is 100 wherever Node runs. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

interface Process {
  readonly parent: number;
  readonly cpuSeconds: number;
}

/** The process and all of its descendants. */
export function processTree(root: number): number[] {
  if (!existsSync('/proc')) return [root];
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const parent = Number.isInteger(pid) ? readProcess(pid)?.parent : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i]!) ?? []));
  return tree;
}

/** User and system time together, in seconds; what has ended does not count. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (readProcess(pid)?.cpuSeconds ?? 0), 0);
}

/** Resident bytes, summed. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + Number(readFields(`/proc/${pid}/statm`)[1] ?? 0) * PAGE_BYTES, 0);
}

function readProcess(pid: number): Process | undefined {
  // The name in parentheses may hold spaces and parentheses of its own.
  const fields = readFields(`/proc/${pid}/stat`, (text) => text.slice(text.lastIndexOf(')') + 2));
  if (fields.length < 14) return undefined;
  return { parent: Number(fields[1]), cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
}

function readFields(path: string, cut = (text: string) => text): string[] {
  try {
    return cut(readFileSync(path, 'utf8')).split(' ');
  } catch {
    return []; // it has ended, or this is no Linux
  }
}
