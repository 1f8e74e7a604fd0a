/**
 * The journal of a model: what is on disk, as a log that survives a crash at any byte. Two slots; the valid one with the
 * higher generation counts. A slot begins with its header and a snapshot that ends in `ready`, so that a compaction that
 * was cut short is no journal, and its predecessor still counts. After that, records are appended; a torn last line is
 * ignored, and cut off before the next one is written.
 *
 * | found | outcome |
 * |---|---|
 * | no slot, or only one whose making was cut short | a new model |
 * | a line with a wrong checksum | skipped: what it said is forgotten, and fetched again if it was a part |
 * | a header with a wrong checksum, and no other slot | `storage_failed`: delete the model and load it again |
 * | a version that is older and can be migrated | migrated, and written anew in this version |
 * | any other version | `storage_failed`, with the version found and those that are read; nothing is deleted |
 */
import { OutriderError } from '../../errors.ts';
import {
  applyRecord,
  decodeLine,
  emptyState,
  encodeLine,
  JOURNAL_VERSION,
  type JournalHeader,
  type JournalRecord,
  type JournalState,
  NEWLINE,
  snapshot,
} from './records.ts';
import { type BlockFile, type BlockStore, type Bytes, discard } from './store.ts';

const SLOTS = ['journal-0', 'journal-1'] as const;

/** A record in a version's own words -> the records of the next version. Index 0 leads from version 1 to 2. */
export type Migration = (record: Readonly<Record<string, unknown>>) => readonly Readonly<Record<string, unknown>>[];

/** None is needed yet: version 1 is the first. */
const MIGRATIONS: readonly Migration[] = [];

/** What is known of a model, and where it stands. */
interface Found {
  readonly state: JournalState;
  readonly slot: (typeof SLOTS)[number];
  readonly generation: number;
  /** Offset after the last whole line. */
  readonly end: number;
  /** Lines read, for deciding on a compaction. */
  readonly lines: number;
  readonly migrated: boolean;
}

/** A journal that is open for writing: by one context at a time, which holds the model's download lock. */
export interface Journal {
  readonly state: JournalState;
  /**
   * Appends, flushes unless a part alone is at stake, then changes `state`. Calls wait for each other. Rejects with
   * `storage_full`, `storage_failed`.
   */
  append(record: JournalRecord): Promise<void>;
  close(): void;
}

export interface JournalOptions {
  /** For tests of migrations. */
  readonly version?: number;
  readonly migrations?: readonly Migration[];
}

/** The state as it stands; undefined where the directory has no journal. Reads only, so any context may call it. */
export async function readJournal(
  store: BlockStore,
  directory: string,
  options: JournalOptions = {},
): Promise<JournalState | undefined> {
  return (await findJournal(store, directory, options))?.state;
}

/** Opens the journal for writing, makes it where there is none, and compacts it where most of it is outdated. */
export async function openJournal(
  store: BlockStore,
  directory: string,
  identity: Pick<JournalHeader, 'id' | 'label' | 'partBytes'>,
  options: JournalOptions = {},
): Promise<Journal> {
  const found = await findJournal(store, directory, options);
  if (found?.migrated || found === undefined || isWasteful(found)) {
    const slot = found?.slot === SLOTS[0] ? SLOTS[1] : SLOTS[0];
    const generation = (found?.generation ?? 0) + 1;
    const state = found?.state ?? emptyState(identity);
    const journal = await writeSnapshot(store, directory, slot, generation, state, options);
    if (found) await discard(store, directory, found.slot);
    return journal;
  }
  const file = await store.open(directory, found.slot, 'write');
  await file.truncate(found.end);
  return appendTo(file, found.end, found.state);
}

/** Twice as many lines as a snapshot would have, and enough of them to matter. */
function isWasteful({ state, lines }: Found): boolean {
  let needed = 1;
  for (const _ of snapshot(state)) needed++;
  return lines > 2 * needed + 64;
}

async function writeSnapshot(
  store: BlockStore,
  directory: string,
  slot: string,
  generation: number,
  state: JournalState,
  { version = JOURNAL_VERSION }: JournalOptions,
): Promise<Journal> {
  const { id, label, partBytes } = state;
  const header: JournalHeader = { t: 'journal', version, generation, id, label, partBytes };
  const lines = [header, ...snapshot(state)].map(encodeLine);
  const bytes = new Uint8Array(await new Blob(lines).arrayBuffer());
  const file = await store.open(directory, slot, 'write');
  try {
    await file.truncate(0);
    await file.write(bytes, 0);
    await file.flush();
  } catch (error) {
    file.close();
    throw error;
  }
  return appendTo(file, bytes.length, state);
}

function appendTo(file: BlockFile, at: number, initial: JournalState): Journal {
  let end = at;
  let state = initial;
  let last: Promise<unknown> = Promise.resolve();
  const write = async (record: JournalRecord): Promise<void> => {
    const line = encodeLine(record);
    await file.write(line, end); // after a failure the same place is written again
    // A file system waits here for parts that are being written as well; one that a power cut takes is fetched again.
    if (record.t !== 'part') await file.flush();
    end += line.length;
    state = applyRecord(state, record);
  };
  return {
    get state() {
      return state;
    },
    append(record) {
      const written = last.then(() => write(record));
      last = written.catch(() => {}); // who appended hears of it; the next record is tried all the same
      return written;
    },
    close: () => file.close(),
  };
}

async function findJournal(store: BlockStore, directory: string, options: JournalOptions): Promise<Found | undefined> {
  let best: Found | undefined;
  let damaged: string | undefined;
  for (const slot of SLOTS) {
    const bytes = await readAll(store, directory, slot);
    if (bytes === undefined) continue;
    const found = parseSlot(bytes, slot, directory, options);
    if (found === 'damaged') damaged = slot;
    else if (found && found.generation > (best?.generation ?? 0)) best = found;
  }
  if (best || !damaged) return best;
  throw new OutriderError(
    'storage_failed',
    `The record of what is stored in ${directory} is damaged at its beginning (${damaged}). ` +
      'Delete the model and load it again.',
    { details: { directory, file: damaged } },
  );
}

async function readAll(store: BlockStore, directory: string, name: string): Promise<Bytes | undefined> {
  const file = await store.open(directory, name, 'read');
  if (file === undefined) return undefined;
  try {
    const bytes = new Uint8Array(await file.size());
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    file.close();
  }
}

/** Undefined where the slot was never finished. */
function parseSlot(
  bytes: Bytes,
  slot: Found['slot'],
  directory: string,
  options: JournalOptions,
): Found | 'damaged' | undefined {
  const { lines, end } = splitLines(bytes);
  if (lines.length === 0) return undefined;
  const header = decodeLine(lines[0]!);
  if (!isHeader(header)) return 'damaged';
  const { version = JOURNAL_VERSION } = options;
  const migrate = migrationFrom(header, directory, options);
  let state = emptyState(header);
  let [ready, isWhole] = [false, true];
  for (const line of lines.slice(1)) {
    const value = decodeLine(line);
    isWhole &&= value !== undefined;
    if (value === undefined) continue;
    for (const record of migrate(value as Readonly<Record<string, unknown>>)) {
      ready ||= record.t === 'ready';
      state = applyRecord(state, record as unknown as JournalRecord);
    }
  }
  if (!ready) return isWhole ? undefined : 'damaged'; // the line that says ready may be the one that is lost
  const { generation } = header;
  return { state, slot, generation, end, lines: lines.length, migrated: header.version !== version };
}

function splitLines(bytes: Bytes): { lines: Bytes[]; end: number } {
  const lines: Bytes[] = [];
  let end = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, end)) {
    lines.push(bytes.subarray(end, at));
    end = at + 1;
  }
  return { lines, end };
}

function isHeader(value: unknown): value is JournalHeader {
  return typeof value === 'object' && value !== null && (value as { t?: unknown }).t === 'journal';
}

function migrationFrom(
  { version: found, id }: JournalHeader,
  directory: string,
  { version = JOURNAL_VERSION, migrations = MIGRATIONS }: JournalOptions,
): Migration {
  const steps = migrations.slice(found - 1, version - 1);
  if (found > version || found < 1 || steps.length < version - found) {
    const age = found > version ? 'newer' : 'older';
    const advice =
      found > version ? 'Reload the page to get the newest Outrider' : 'Load it with the Outrider it is of';
    throw new OutriderError(
      'storage_failed',
      `${id} was stored by ${age} code: its journal has version ${found}, and version ${version} is needed. ` +
        `${advice}, or delete the model and load it again.`,
      { details: { directory, id, found, needed: version } },
    );
  }
  return (record) => steps.reduce<ReturnType<Migration>>((records, step) => records.flatMap(step), [record]);
}
