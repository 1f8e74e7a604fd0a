/** Stored models as a list that people look after: what is there, what it takes, is it sound, is it current, away with it. */
import { OutriderError } from '../../errors.ts';
import { type FileFacts, type ModelSource, throwIfAborted } from '../source.ts';
import { directoryOf, openDisk } from './disk.ts';
import { type Journal, openJournal, readJournal } from './journal.ts';
import type { CacheLocks } from './locks.ts';
import { isComplete, type JournalState, type Meta, partLength, type StoredFile, storedBytes } from './records.ts';
import type { BlockStore } from './store.ts';
import { describeChange, differs } from './versions.ts';

export interface StoredModel {
  /** What the other functions take. The directory's name where the journal cannot be read. */
  readonly id: string;
  readonly label: string;
  readonly complete: boolean;
  /** Bytes on disk, counted by ourselves, the journal included. */
  readonly diskBytes: number;
  /** Bytes of the files that were asked for so far, and how many of them are stored. */
  readonly totalBytes: number;
  readonly storedBytes: number;
  readonly meta: Meta;
  /** Why it cannot be used; it can be deleted all the same. */
  readonly problem?: string | undefined;
}

export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes read of those stored. */
  readonly onProgress?: ((progress: { readonly loaded: number; readonly total: number }) => void) | undefined;
}

export interface Verification {
  readonly checkedBytes: number;
  /** Parts that were not what was stored, by file; they are marked, and the next load fetches them again. */
  readonly bad: readonly { readonly path: string; readonly parts: readonly number[]; readonly bytes: number }[];
}

export interface Update {
  /** Files of which the source has another version, none any more, or one for the first time, and what is to be downloaded for each. */
  readonly changed: readonly { readonly path: string; readonly why: string; readonly bytes: number }[];
  readonly downloadBytes: number;
}

export interface StorageFacts {
  /** Bytes of all stored models, counted by ourselves. */
  readonly usedBytes: number;
  readonly numModels: number;
  /** What the browser says: neither is a capacity, and usage has been seen to be wrong by gigabytes. */
  readonly estimate: { readonly usage?: number | undefined; readonly quota?: number | undefined };
}

export interface CacheManager {
  listModels(): Promise<StoredModel[]>;
  /** @returns bytes freed. Rejects with `model_in_use`; a model that is not there frees nothing. */
  deleteModel(id: string): Promise<number>;
  /** Reads every part. Rejects with `model_not_found`, `model_in_use` while it is being downloaded, `aborted`. */
  verifyModel(id: string, options?: VerifyOptions): Promise<Verification>;
  /**
   * Asks the source which files have changed. With `apply` what is stored of those is dropped, so that the next load
   * downloads them. Rejects with `model_not_found`, `model_in_use`, and the source's errors.
   */
  updateModel(id: string, source: ModelSource, options?: { readonly apply?: boolean }): Promise<Update>;
  storageFacts(): Promise<StorageFacts>;
}

export function createCacheManager(store: BlockStore, locks: CacheLocks): CacheManager {
  const listModels = async (): Promise<StoredModel[]> => {
    const models: StoredModel[] = [];
    for (const directory of await store.directories()) models.push(await describeModel(store, directory));
    return models;
  };
  const find = async (id: string): Promise<{ directory: string; state: JournalState }> => {
    const directory = await directoryOf(id);
    const state = await readJournal(store, directory);
    if (state) return { directory, state };
    throw new OutriderError('model_not_found', `${id} is not stored. Load it first.`, { details: { id } });
  };
  return {
    listModels,
    async deleteModel(id) {
      const lock = await locks.own(id);
      try {
        const isDirectory = (await store.directories()).includes(id);
        const directory = isDirectory ? id : await directoryOf(id);
        const freed = await bytesOf(store, directory);
        await store.remove(directory);
        return freed;
      } finally {
        await lock.release();
      }
    },
    async verifyModel(id, options = {}) {
      const use = await locks.use(id, options.signal);
      try {
        const { directory } = await find(id);
        return await asWriter(store, locks, id, directory, (journal) => verify(store, directory, journal, options));
      } finally {
        await use.release();
      }
    },
    async updateModel(id, source, { apply = false } = {}) {
      const lock = await locks.own(id);
      try {
        const { directory, state } = await find(id);
        const changes = await findChanges(state, source);
        const write = (journal: Journal) => applyChanges(store, directory, journal, changes);
        if (apply && changes.length > 0) await asWriter(store, locks, id, directory, write);
        const changed = changes.map(({ path, why, facts }) => ({ path, why, bytes: facts?.size ?? 0 }));
        return { changed, downloadBytes: changed.reduce((sum, { bytes }) => sum + bytes, 0) };
      } finally {
        await lock.release();
      }
    },
    async storageFacts() {
      const models = await listModels();
      const usedBytes = models.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
      return { usedBytes, numModels: models.length, estimate: await store.estimate() };
    },
  };
}

async function bytesOf(store: BlockStore, directory: string): Promise<number> {
  return (await store.list(directory)).reduce((sum, { size }) => sum + size, 0);
}

async function describeModel(store: BlockStore, directory: string): Promise<StoredModel> {
  const diskBytes = await bytesOf(store, directory);
  const unusable = (problem: string): StoredModel => {
    return {
      id: directory,
      label: directory,
      complete: false,
      diskBytes,
      totalBytes: 0,
      storedBytes: 0,
      meta: {},
      problem,
    };
  };
  try {
    const state = await readJournal(store, directory);
    if (!state) return unusable('Its loading had not begun, or its journal is gone.');
    const files = [...state.files.values()];
    const stored = files.reduce((sum, file) => sum + storedBytes(file, state.partBytes), 0);
    const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
    const { id, label, meta } = state;
    return { id, label, complete: isComplete(state), diskBytes, totalBytes, storedBytes: stored, meta };
  } catch (error) {
    if (error instanceof OutriderError && error.code === 'storage_failed') return unusable(error.message);
    throw error;
  }
}

async function asWriter<T>(
  store: BlockStore,
  locks: CacheLocks,
  id: string,
  directory: string,
  act: (journal: Journal) => Promise<T>,
): Promise<T> {
  const lock = await locks.tryDownload(id);
  if (!lock) {
    throw new OutriderError('model_in_use', `${id} is being downloaded. Try again when that is done.`, {
      details: { id },
    });
  }
  try {
    const { label, partBytes } = (await readJournal(store, directory))!;
    const journal = await openJournal(store, directory, { id, label, partBytes });
    try {
      return await act(journal);
    } finally {
      journal.close();
    }
  } finally {
    await lock.release();
  }
}

async function verify(
  store: BlockStore,
  directory: string,
  journal: Journal,
  { signal, onProgress }: VerifyOptions,
): Promise<Verification> {
  const { partBytes, files } = journal.state;
  const disk = openDisk(store, directory, () => partBytes);
  const total = [...files.values()].reduce((sum, file) => sum + storedBytes(file, partBytes), 0);
  const bad: Verification['bad'][number][] = [];
  let loaded = 0;
  try {
    for (const file of files.values()) {
      const parts: number[] = [];
      for (const [i, part] of file.parts.entries()) {
        throwIfAborted(signal);
        if (!part?.present) continue;
        if (!(await disk.readChecked(file, i))) parts.push(i);
        loaded += partLength(file, i, partBytes);
        onProgress?.({ loaded, total });
      }
      if (parts.length === 0) continue;
      await journal.append({ t: 'lost', n: file.incarnation, parts });
      const bytes = parts.reduce((sum, i) => sum + partLength(file, i, partBytes), 0);
      bad.push({ path: file.path, parts, bytes });
    }
  } finally {
    disk.close();
  }
  return { checkedBytes: loaded, bad };
}

interface Change {
  readonly path: string;
  readonly why: string;
  /** What is stored of it, and what the source has now: at least one. */
  readonly stored?: StoredFile | undefined;
  readonly facts?: FileFacts | undefined;
}

async function findChanges({ files, absent }: JournalState, source: ModelSource): Promise<Change[]> {
  const changes: Change[] = [];
  for (const stored of files.values()) {
    const { path } = stored;
    const facts = await source.stat(path);
    if (!facts) changes.push({ path, why: 'is not at the source any more', stored });
    else if (differs(stored, facts)) changes.push({ path, why: describeChange(stored, facts), stored, facts });
  }
  for (const path of absent) {
    const facts = await source.stat(path);
    if (facts) changes.push({ path, why: 'is new', facts });
  }
  return changes;
}

/** Records the files as they are now, with nothing of them stored. */
async function applyChanges(
  store: BlockStore,
  directory: string,
  journal: Journal,
  changes: readonly Change[],
): Promise<void> {
  const disk = openDisk(store, directory, () => journal.state.partBytes);
  for (const { path, stored, facts } of changes) {
    const n = journal.state.lastIncarnation + 1;
    await journal.append(facts ? { t: 'file', n, path, ...facts } : { t: 'absent', path });
    if (stored) await disk.remove(stored);
  }
}
