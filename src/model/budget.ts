/**
 * How much GPU memory may be used: WebGPU does not tell, so a person decides, guided by what platforms are known to allow.
 * Nothing here asks the platform; the caller says what it knows.
 */

export type Platform = 'windows' | 'linux' | 'macos' | 'chromeos' | 'android' | 'ios' | 'other';

/** What the caller knows of the machine; all of it may be missing. In GiB, as memory is sold ("64 GB"). */
export interface MachineFacts {
  readonly platform: Platform;
  /** Runs in a browser made of Chromium, whose GPU process has a limit of its own. Default false. */
  readonly chromium?: boolean | undefined;
  /** The machine's memory, as its user says. */
  readonly memoryGiB?: number | undefined;
  /** `navigator.deviceMemory`: rounded, and never more than a few GiB, so only a lower bound. */
  readonly deviceMemoryGiB?: number | undefined;
  /** The graphics card's own memory, as its user says; absent where GPU and CPU share theirs. */
  readonly cardGiB?: number | undefined;
}

/** One thing that is known to limit what a page's GPU buffers may take. */
export interface MemoryCap {
  /** Bytes; undefined where the facts do not suffice to tell. */
  readonly bytes: number | undefined;
  /** For people: what it is, with its number. */
  readonly text: string;
}

export interface MemoryGuide {
  /** Bytes: the least of the caps, to start from; undefined where none is known. */
  readonly suggested: number | undefined;
  readonly caps: readonly MemoryCap[];
}

const GIB = 2 ** 30;

/** macOS lets the GPU wire this share of the memory (128 GB: 96, 64: 48, 48: 36) unless `iogpu.wired_limit_mb` is raised. */
const MAC_SHARE = 0.75;
/** Dawn on Direct3D 12 begins to evict buffers at this share of what DXGI grants: slow, not an error. */
const DXGI_SHARE = 0.95;
/** Chromium's sandbox: the GPU process may have `capGiB` where the machine has more than `aboveGiB` (sandbox_win.cc, sandbox_linux.cc). */
const SANDBOX = [
  { aboveGiB: 64, capGiB: 64 },
  { aboveGiB: 32, capGiB: 32 },
  { aboveGiB: 16, capGiB: 16 },
  { aboveGiB: 0, capGiB: 8 },
];
/** From here on `navigator.deviceMemory` is a lower bound: older browsers stop here, newer ones round. */
const DEVICE_MEMORY_STOPS_AT_GIB = 8;

export function memoryGuide(machine: MachineFacts): MemoryGuide {
  const caps = [cardCap(machine), macCap(machine), sandboxCap(machine)].filter((cap) => cap !== undefined);
  const known = caps.flatMap(({ bytes }) => (bytes === undefined ? [] : [bytes]));
  return { suggested: known.length === 0 ? undefined : Math.min(...known), caps };
}

/** A lower bound is no knowledge: the machine may have much more. */
function memoryOf({ memoryGiB, deviceMemoryGiB }: MachineFacts): number | undefined {
  if (memoryGiB !== undefined) return memoryGiB;
  const exact = deviceMemoryGiB !== undefined && deviceMemoryGiB < DEVICE_MEMORY_STOPS_AT_GIB;
  return exact ? deviceMemoryGiB : undefined;
}

function cardCap({ platform, cardGiB }: MachineFacts): MemoryCap | undefined {
  if (cardGiB === undefined) return undefined;
  if (platform !== 'windows') {
    return { bytes: cardGiB * GIB, text: `The graphics card has ${cardGiB} GB, which the desktop uses too.` };
  }
  const text = `The graphics card has ${cardGiB} GB; Windows moves buffers out of it from about 95 % on.`;
  return { bytes: Math.floor(cardGiB * GIB * DXGI_SHARE), text };
}

function macCap(machine: MachineFacts): MemoryCap | undefined {
  if (machine.platform !== 'macos') return undefined;
  const memory = memoryOf(machine);
  const rule = 'A Mac lets the GPU use about 75 % of its memory';
  if (memory === undefined) return { bytes: undefined, text: `${rule}: 48 GB of 64, 96 GB of 128.` };
  return { bytes: Math.floor(memory * GIB * MAC_SHARE), text: `${rule}: ${memory * MAC_SHARE} GB of ${memory}.` };
}

function sandboxCap(machine: MachineFacts): MemoryCap | undefined {
  const { platform, chromium = false } = machine;
  if (!chromium || (platform !== 'windows' && platform !== 'linux' && platform !== 'chromeos')) return undefined;
  const memory = memoryOf(machine);
  // On Linux the card's own memory is probably not counted, so there it is a hint for shared memory only.
  const counted =
    platform === 'windows'
      ? 'On Windows memory that GPU and CPU share counts.'
      : "The card's own memory probably does not count.";
  if (memory === undefined) {
    const text = `The browser's GPU process may have 8, 16, 32 or 64 GB, by the machine's memory (64 GB only above 64 GB). ${counted}`;
    return { bytes: undefined, text };
  }
  const { capGiB } = SANDBOX.find(({ aboveGiB }) => memory > aboveGiB)!;
  const text = `With ${memory} GB of memory the browser's GPU process may have ${capGiB} GB. ${counted}`;
  return { bytes: machine.cardGiB === undefined ? capGiB * GIB : undefined, text };
}
