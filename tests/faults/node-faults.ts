/** How each fault of the table is made to happen under Node. */
import type { Fault, FaultPlan } from '../../src/ghost/faults.ts';
import { differences } from './digests.ts';
import { PART, TEXTS, WEIGHTS } from './model.ts';
import type { Digests } from './sink.ts';
import type { NodeFaultName } from './table.ts';
import { isWholePart, partOf, type Tab, type World } from './world.ts';

export type Random = () => number;

/** A fault that waits for its moment. */
export interface Armed {
  /** Whether it has happened yet. */
  happened: boolean;
  /** Bytes that must be downloaded again because of it. */
  lostBytes: number;
  /** Told of each request, and answers with what is to become of it. */
  readonly plan?: FaultPlan | undefined;
  /** Instead of a plain load. */
  readonly load?: ((tab: Tab) => Promise<Digests>) | undefined;
  /** The cause is over. */
  end?(): Promise<void>;
}

/** @param missing parts of weights that the try will have to fetch: the moment is one of them */
type Arm = (world: World, random: Random, missing: number, tab: Tab) => Armed | Promise<Armed>;

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const idle = (): Armed => ({ happened: false, lostBytes: 0 });
const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Spoils answers for one random part, as often as `times` says; they are retried, and come for the same part again. */
function inPart(fault: (random: Random, bodyBytes: number) => Fault, times: (random: Random) => number = () => 1): Arm {
  return (_world, random, missing) => {
    const armed = idle();
    const left = { parts: Math.floor(random() * missing), faults: times(random) };
    let target: string | undefined;
    const plan: FaultPlan = (request) => {
      if (target === undefined && isWholePart(request) && left.parts-- === 0) target = partOf(request);
      if (target === undefined || partOf(request) !== target || left.faults === 0) return undefined;
      left.faults--;
      armed.happened = true;
      return fault(random, request.end - request.start);
    };
    return Object.assign(armed, { plan });
  };
}

/** Does something when a random part is asked for; `then` is what becomes of the answers from there on. */
function fromPart(
  begin: (world: World, tab: Tab, armed: Armed, random: Random) => Fault | undefined,
  then?: Fault,
): Arm {
  return (world, random, missing, tab) => {
    const armed = idle();
    let left = Math.floor(random() * missing);
    const plan: FaultPlan = (request) => {
      if (armed.happened) return partOf(request) === undefined ? undefined : then;
      if (!isWholePart(request) || left-- > 0) return undefined;
      armed.happened = true;
      return begin(world, tab, armed, random);
    };
    return Object.assign(armed, { plan });
  };
}

/** Does something to the disk before the try. @returns the bytes that are lost by it, or undefined where it could not be done */
function onDisk(damage: (world: World, random: Random) => number | undefined): Arm {
  return (world, random) => {
    const lostBytes = damage(world, random);
    return { happened: lostBytes !== undefined, lostBytes: lostBytes ?? 0 };
  };
}

const storedFiles = (world: World, prefix: string) =>
  world.store.files().filter(({ name, size }) => name.startsWith(prefix) && size > 0);

function kill(world: World, tab: Tab): undefined {
  world.store.crash();
  tab.crash();
}

function cancelled(world: World, random: Random, missing: number, tab: Tab): Armed {
  const controller = new AbortController();
  const armed = fromPart(() => void controller.abort())(world, random, missing, tab) as Armed;
  return Object.assign(armed, { load: () => world.load({ tab, signal: controller.signal }) });
}

/** Both load; each must be equal by itself. */
async function loadTwice(world: World, first: Tab): Promise<Digests> {
  const [one, other] = await Promise.all([world.load({ tab: first }), world.load()]);
  if (differences(one, other).length > 0) throw new Error('the two tabs have different bytes');
  return one;
}

/** The second tab waits for the first, which dies. */
async function loadAfterDeath(world: World, first: Tab): Promise<Digests> {
  const dying = world.load({ tab: first }).catch(() => undefined);
  const other = world.load();
  await dying;
  return other;
}

function networkLost(world: World, random: Random, missing: number, tab: Tab): Armed {
  let back: Promise<void> | undefined;
  const lose = async (ms: number): Promise<void> => {
    await world.server.suspend();
    await delay(ms);
    await world.server.resume();
    world.offline = false;
  };
  const armed = fromPart(() => {
    world.offline = true;
    back = lose(30 * random());
    return { kind: 'reset' };
  })(world, random, missing, tab) as Armed;
  return Object.assign(armed, { end: async () => back });
}

/** Leaves room for a random share of what is missing. */
async function full(world: World, random: Random): Promise<Armed> {
  const used = world.store.files().reduce((sum, { size }) => sum + size, 0);
  const missing = await world.missingBytes();
  if (missing < PART) return idle();
  world.store.capacity = used + Math.floor(0.9 * random() * missing);
  const end = async () => {
    world.store.capacity = Number.POSITIVE_INFINITY;
  };
  return { happened: true, lostBytes: 0, end };
}

async function fullButGoingOn(world: World, random: Random, _missing: number, tab: Tab): Promise<Armed> {
  const armed = await full(world, random);
  const load = async () => {
    const digests = await world.load({ tab, cache: 'if-room' });
    armed.lostBytes = await world.missingBytes([...WEIGHTS, ...TEXTS]);
    return digests;
  };
  return Object.assign(armed, { load });
}

function otherFile(_world: World, random: Random): Armed {
  const armed = idle();
  const target = pick(random, WEIGHTS).path;
  const plan: FaultPlan = (request) => {
    if (request.file !== target) return undefined;
    armed.happened = true;
    return { kind: 'revision', revision: 1 };
  };
  return Object.assign(armed, { plan });
}

const STATUSES = [500, 502, 503, 504, 429];
const within = (random: Random, bytes: number) => Math.floor(random() * bytes);
const upTo = (n: number) => (random: Random) => 1 + Math.floor(random() * n);

export const NODE_FAULTS: Readonly<Record<NodeFaultName, Arm>> = {
  'connection dropped in a part': inPart(
    (random, bytes) => ({ kind: 'drop', afterBytes: within(random, bytes) }),
    upTo(4),
  ),
  'connection reset before the answer': inPart(() => ({ kind: 'reset' }), upTo(4)),
  'status 500, 502, 503, 504 or 429': inPart(
    (random) => ({ kind: 'status', status: pick(random, STATUSES), retryAfterSeconds: pick(random, [undefined, 1]) }),
    upTo(4),
  ),
  slow: inPart((_, bytes) => ({ kind: 'slow', bytesPerSecond: 8 * bytes })),
  stalled: inPart((random, bytes) => ({ kind: 'stall', afterBytes: within(random, bytes) })),
  'answer too short': inPart((random, bytes) => ({ kind: 'length', deltaBytes: -1 - within(random, bytes) }), upTo(3)),
  'answer too long': inPart((random, bytes) => ({ kind: 'length', deltaBytes: 1 + within(random, bytes) }), upTo(3)),
  'answer from another place': inPart((random, bytes) => ({ kind: 'content-range', shift: 1 + within(random, bytes) })),
  'network lost for a while': networkLost,
  'bit flipped in flight': inPart((random, bytes) => ({ kind: 'flip', at: within(random, bytes) })),
  'two tabs': (world, _random, _missing, tab) => ({
    happened: true,
    lostBytes: 0,
    load: () => loadTwice(world, tab),
  }),
  'two tabs, the one that downloads killed': (world, random, missing, tab) =>
    Object.assign(fromPart((_world, first) => void first.crash())(world, random, missing, tab) as Armed, {
      load: () => loadAfterDeath(world, tab),
    }),
  'bit flipped on disk': onDisk((world, random) => {
    const files = storedFiles(world, 'file-');
    if (files.length === 0) return undefined;
    const { directory, name, size } = pick(random, files);
    world.store.flip(directory, name, within(random, size));
    return PART;
  }),
  'a file evicted': onDisk((world, random) => {
    const files = storedFiles(world, 'file-');
    if (files.length === 0) return undefined;
    const { directory, name, size } = pick(random, files);
    world.store.evict(directory, name);
    return size;
  }),
  'everything evicted': onDisk((world) => {
    world.store.evict();
    return 0;
  }),
  'bit flipped in the journal': onDisk((world, random) => {
    const files = storedFiles(world, 'journal-');
    if (files.length === 0) return undefined;
    const { directory, name, size } = pick(random, files);
    world.store.flip(directory, name, within(random, size));
    return 0;
  }),
  'disk full, going on without it': fullButGoingOn,
  'disk full': full,
  'everything evicted while loading': fromPart((world) => void world.store.evict()),
  'server gone': fromPart(() => ({ kind: 'reset' }), { kind: 'reset' }),
  'access taken away': fromPart(() => ({ kind: 'status', status: 401 }), { kind: 'status', status: 401 }),
  'new upload (ETag changed)': fromPart((world) => {
    world.revision = 1;
    world.server.upload();
    return { kind: 'revision', revision: 1 }; // this answer too, whose headers were made before
  }),
  'one answer of another version': fromPart(() => ({ kind: 'revision', revision: 1 })),
  'other file than the hash promises': otherFile,
  'loader killed': fromPart(kill),
  cancelled,
};
