/** One seeded run under Node: what was stored before, the try that the faults happen to, the next one, one without a network. */
import { OutriderError } from '../../src/errors.ts';
import { createCacheManager } from '../../src/storage/cache/manage.ts';
import { differences, oracleDigests } from './digests.ts';
import { PARALLEL, PART, SPEC, WEIGHT_BYTES, WEIGHTS } from './model.ts';
import { type Armed, NODE_FAULTS, type Random } from './node-faults.ts';
import type { Result } from './report.ts';
import type { Digests } from './sink.ts';
import type { NODE_ROWS, Outcome, Row } from './table.ts';
import { createWorld, isWholePart, type World } from './world.ts';

type NodeRow = (typeof NODE_ROWS)[number];

/** Looks at files, heads of shards: what each try reads anew. */
const HEAD_BYTES = 32 << 10;

const common = <T>(lists: readonly (readonly T[])[]): T[] =>
  lists.reduce<T[]>((left, list) => left.filter((one) => list.includes(one)), [...lists[0]!]);
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

/** Whether two rows can happen to the same try. */
export function canMix(one: Row, other: Row): boolean {
  return (
    one.mixes &&
    other.mixes &&
    common([one.sources, other.sources]).length > 0 &&
    common<string>([one.stored, other.stored]).length > 0
  );
}

/** @param rows one, or two that mix */
export async function runUnderNode(rows: readonly NodeRow[], random: Random): Promise<Result> {
  const world = await createWorld(pick(random, common<World['kind']>(rows.map(({ sources }) => sources))));
  try {
    const stored = pick(random, common<Row['stored'][number]>(rows.map((row) => row.stored)));
    await storeBefore(world, stored, random);
    return { rows, source: world.kind, stored, ...(await tryUnder(world, rows, random, stored === 'some')) };
  } finally {
    await world.close();
  }
}

async function storeBefore(world: World, stored: Row['stored'][number], random: Random): Promise<void> {
  if (stored === 'nothing') return;
  const controller = new AbortController();
  let left = stored === 'all' ? Number.POSITIVE_INFINITY : 4 + Math.floor(random() * 24);
  world.server.setFaults((request) => {
    if (isWholePart(request) && left-- <= 0) controller.abort();
    return undefined;
  });
  await world.load({ signal: controller.signal }).catch((error) => {
    if (!(error instanceof OutriderError && error.code === 'aborted')) throw error;
  });
  await quiet(world);
}

/** Requests of the last try that are still on their way are not taken for the next one's. */
async function quiet({ server }: World): Promise<void> {
  server.setFaults(undefined);
  await server.suspend();
  await server.resume();
}

type Tried = Omit<Result, 'rows' | 'source' | 'stored'>;

async function tryUnder(
  world: World,
  rows: readonly NodeRow[],
  random: Random,
  wasInterrupted: boolean,
): Promise<Tried> {
  const tab = world.openTab();
  const armed: Armed[] = [];
  // What is on disk first: it decides what is left to fetch.
  for (const { fault } of rows) {
    const missing = Math.max(1, Math.floor((await world.missingBytes()) / PART));
    armed.push(await NODE_FAULTS[fault](world, random, missing, tab));
  }
  let faulted = 0;
  world.server.setFaults((request) => {
    for (const { plan } of armed) {
      const fault = plan?.(request);
      if (!fault) continue;
      faulted++;
      return fault;
    }
    return undefined;
  });
  const special = armed.find((one) => one.load)?.load;
  const load = () => (special ? special(tab) : world.load({ tab }));
  const code = await outcomeOf(world, load);
  const required = requiredOf(rows, armed);
  // Whoever was killed cannot tell; whatever it still said was said to nobody.
  const outcome = code !== 'equal' && required.includes('killed') ? 'killed' : code;
  await Promise.all(armed.map((one) => one.end?.()));
  tab.crash();
  await quiet(world);
  const next = await nextTry(world);
  const downloaded = world.server.counters.bytes;
  const broken = (wasInterrupted ? 1 : 0) + (outcome === 'equal' && next === 'equal' ? 0 : 1);
  const allowed =
    (await cleanBytes()) +
    (broken + 1) * HEAD_BYTES +
    (broken + Number(rows.some(({ fault }) => fault.startsWith('two tabs')))) * PARALLEL * PART +
    2 * faulted * PART +
    costOf(rows, armed);
  world.server.counters.clear();
  await world.server.suspend();
  const offline = await outcomeOf(world, () => world.load());
  return {
    outcome,
    required,
    happened: armed.map((one) => one.happened),
    next,
    downloaded,
    allowed,
    offline,
  };
}

/** What fails decides; which of two comes first is open. */
function requiredOf(rows: readonly NodeRow[], armed: readonly Armed[]): readonly Outcome[] {
  const fatal = rows.filter((row, i) => armed[i]!.happened && !(row.outcome as readonly Outcome[]).includes('equal'));
  return (fatal.length > 0 ? fatal : rows).flatMap(({ outcome }) => outcome);
}

function costOf(rows: readonly NodeRow[], armed: readonly Armed[]): number {
  const file = Math.max(...WEIGHTS.map(({ size }) => size));
  const costs = { nothing: 0, 'what was lost': 0, 'the file': 2 * file, 'the model': WEIGHT_BYTES + file };
  return rows.reduce((sum, { again }, i) => sum + costs[again] + armed[i]!.lostBytes, 0);
}

async function outcomeOf(world: World, load: () => Promise<Digests>): Promise<Outcome> {
  try {
    const found = await load();
    const wrong = differences(found, await oracleDigests(SPEC, world.revision));
    if (wrong.length > 0) throw new Error(`not equal: ${wrong.join(', ')}`);
    return 'equal';
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    return error.code;
  }
}

let clean: Promise<number> | undefined;
/** What a load downloads where nothing goes wrong. */
function cleanBytes(): Promise<number> {
  clean ??= (async () => {
    const world = await createWorld('url');
    await world.load();
    await world.close();
    return world.server.counters.bytes;
  })();
  return clean;
}

/** A journal that cannot be read is not deleted without asking: that is what its error says to do. */
async function nextTry(world: World): Promise<Outcome> {
  const load = () => world.load();
  const outcome = await outcomeOf(world, load);
  if (outcome !== 'storage_failed') return outcome;
  const { store, locks } = world.openTab();
  const manager = createCacheManager(store, locks);
  const broken = (await manager.listModels()).filter(({ problem }) => problem !== undefined);
  if (broken.length === 0) return outcome;
  for (const { id } of broken) await manager.deleteModel(id);
  return outcomeOf(world, load);
}
