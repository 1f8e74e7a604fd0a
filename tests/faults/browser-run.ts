/** One seeded run in a browser: the try that the fault happens to, the next one, and one without a network, by an engine or not. */
import type { Page } from 'playwright-core';
import type { Answer } from './browser/page.ts';
import { type BrowserWorld, MODEL_BYTES, PART, SPEC } from './browser-world.ts';
import { differences, oracleDigests } from './digests.ts';
import type { Random } from './node-faults.ts';
import type { Result } from './report.ts';
import type { BROWSER_ROWS, BrowserFaultName, Outcome } from './table.ts';

/** Browsers open six connections to a server. */
const PARALLEL = 6;
const HEAD_BYTES = 1 << 20;
/** So that there is a middle for faults to happen in. */
const BYTES_PER_SECOND = 60e6;
const MAX_BUFFER_BYTES = 64 << 20;
/** A fault that nobody notices would be waited for in vain. */
const PATIENCE_MS = 60_000;

type Faulty = (world: BrowserWorld, page: Page, random: Random) => Promise<Outcome>;

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const ask = (page: Page, { server }: BrowserWorld) => page.evaluate((url) => window.ask(url), server.url);
const read = async (page: Page, { server }: BrowserWorld): Promise<Outcome> =>
  outcomeOf(
    await page.evaluate(([url, maxBytes]) => window.read(url, maxBytes), [server.url, MAX_BUFFER_BYTES] as const),
  );

/** Waits for a random moment of the download. */
async function middle(world: BrowserWorld, page: Page, random: Random): Promise<void> {
  world.server.setThrottle(BYTES_PER_SECOND);
  await page.waitForFunction((share) => window.loaded > share, 0.1 + 0.6 * random(), { timeout: PATIENCE_MS });
}

/** Begins to load by itself, and to do harm in the middle of it. */
async function harmed(loading: Promise<Outcome>, harm: () => Promise<unknown>): Promise<Outcome> {
  loading.catch(() => {}); // awaited below
  await harm();
  return loading;
}

const quota = (world: BrowserWorld, quotaSize?: number) =>
  world.cdp.send('Storage.overrideQuotaForOrigin', {
    origin: world.origin,
    ...(quotaSize === undefined ? {} : { quotaSize }),
  });

const FAULTS: Readonly<Record<BrowserFaultName, Faulty>> = {
  'loader worker killed': (world, page, random) =>
    harmed(ask(page, world).then(outcomeOf), async () => {
      await middle(world, page, random);
      await page.evaluate(() => window.killLoader());
    }),
  'tab closed': (world, page, random) =>
    harmed(
      ask(page, world).then(outcomeOf, () => 'killed'),
      async () => {
        await middle(world, page, random);
        await page.close();
      },
    ),
  async 'bit flipped in OPFS'(world, page, random) {
    await read(page, world);
    world.server.counters.clear();
    await page.evaluate((share) => window.flip(share), random());
    const outcome = await read(page, world);
    if (world.server.counters.bytes > PART + HEAD_BYTES) throw new Error('more than the damaged part was downloaded');
    return outcome;
  },
  async 'quota exceeded'(world, page, random) {
    await quota(world, Math.floor(MODEL_BYTES * (0.2 + 0.6 * random())));
    const outcome = outcomeOf(await ask(page, world));
    await quota(world);
    return outcome;
  },
  'OPFS cleared while loading': (world, page, random) =>
    harmed(read(page, world), async () => {
      await middle(world, page, random);
      await world.cdp.send('Storage.clearDataForOrigin', { origin: world.origin, storageTypes: 'file_systems' });
    }),
  async 'two tabs at once'(world, page) {
    world.server.setThrottle(BYTES_PER_SECOND);
    const outcomes = await Promise.all([read(page, world), read(await world.openPage(), world)]);
    if (world.server.counters.bytes > MODEL_BYTES + PART) throw new Error('both tabs downloaded');
    return outcomes.find((one) => one !== 'equal') ?? 'equal';
  },
  'network lost and back': (world, page, random) =>
    harmed(read(page, world), async () => {
      await middle(world, page, random);
      await world.context.setOffline(true);
      await world.server.suspend(); // what was connected is lost too
      await delay(500 + 1000 * random());
      await world.server.resume();
      await world.context.setOffline(false);
    }),
};

function outcomeOf({ code, digests }: Answer): Outcome | Promise<Outcome> {
  if (code !== undefined) return code as Outcome;
  if (digests === undefined) return 'equal'; // an engine answered, which is compared at the end
  return oracleDigests(SPEC, 0, { maxBytes: MAX_BUFFER_BYTES }).then((expected) => {
    const wrong = differences(new Map(digests), expected);
    if (wrong.length > 0) throw new Error(`not equal: ${wrong.join(', ')}`);
    return 'equal';
  });
}

/** What the model answers where nothing goes wrong, without a cache having been there before. */
export async function cleanAnswer(world: BrowserWorld): Promise<string> {
  await world.reset();
  const { text, message } = await ask(await world.openPage(), world);
  if (text === undefined) throw new Error(message);
  return text;
}

/** Loads without a network, and where `expected` is given has an engine answer. */
async function offline(world: BrowserWorld, page: Page, expected: string | undefined): Promise<Outcome> {
  if (expected === undefined) return read(page, world);
  const answer = await ask(page, world);
  const { text, code } = answer;
  if (code === undefined && text !== expected) throw new Error(`answered "${text}", not "${expected}"`);
  return outcomeOf(answer);
}

/** @param expected what an engine answers at the end; undefined: what it would be given is compared, which compiles nothing */
export async function runInBrowser(
  world: BrowserWorld,
  row: (typeof BROWSER_ROWS)[number],
  random: Random,
  expected: string | undefined,
): Promise<Result> {
  await world.reset();
  const outcome = await FAULTS[row.fault](world, await world.openPage(), random);
  world.server.setThrottle(undefined);
  const page = await world.openPage();
  const next = await read(page, world);
  const downloaded = world.server.counters.bytes;
  await world.server.suspend();
  const unconnected = await offline(world, page, expected).finally(() => world.server.resume());
  const again = row.again === 'the model' ? MODEL_BYTES : row.again === 'what was lost' ? PART : 0;
  return {
    rows: [row],
    source: 'url',
    stored: row.stored[0],
    outcome,
    required: row.outcome,
    happened: [true],
    next,
    downloaded,
    allowed: MODEL_BYTES + PARALLEL * PART + HEAD_BYTES + again,
    offline: unconnected,
  };
}
