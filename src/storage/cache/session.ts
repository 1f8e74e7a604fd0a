/**
 * One context's view of one stored model: what the journal says, compared with the source where it may be outdated, and
 * the right to write, which one context of the origin has at a time.
 *
 * | met | done |
 * |---|---|
 * | a complete model | used as it is; the source is not even opened |
 * | an incomplete one | the source is asked about each file before any byte of it is used: another size, version or hash drops what is stored of it (`changed`) |
 * | a part on disk with a wrong hash; a file gone or too short (evicted) | fetched again (`damaged`); it must be what it was, unless the file has a promised hash that still decides |
 * | that, and the source has changed since, with bytes of the old version already used | the file is dropped, `source_changed`: the next load fetches it anew |
 * | the directory, and the journal with it, evicted before we open it | a new model |
 * | the storage evicted under an open handle that is written to | `storage_failed`; the next load stores again what is gone |
 * | a stale file that is open elsewhere, or that Chromium still counts as open | it stays until a later sweep (`discard`) |
 * | no room | `storage_full`, or with `onFull: 'stream'` announced (`uncached`) and passed on without storing |
 * | another context downloads this model | we wait, then use what it stored and go on where it stopped |
 */
import { abortError, OutriderError } from '../../errors.ts';
import { linkAbort } from '../abort.ts';
import type { ModelSource } from '../source.ts';
import { type Disk, directoryOf, openDisk } from './disk.ts';
import { type Journal, openJournal, readJournal } from './journal.ts';
import type { CacheLocks, DownloadLock, DownloadProgress, Lock } from './locks.ts';
import type { OnNotice } from './notices.ts';
import {
  applyRecord,
  emptyState,
  isComplete,
  type JournalRecord,
  type JournalState,
  type StoredFile,
  storedBytes,
} from './records.ts';
import type { BlockStore } from './store.ts';
import { describeChange, differs } from './versions.ts';

export interface SessionOptions {
  /** Names the model: `ModelSource.id`. */
  readonly id: string;
  readonly label: string;
  readonly store: BlockStore;
  readonly locks: CacheLocks;
  /** Opened when something is needed that is not stored, and not before. */
  readonly openSource: () => Promise<ModelSource>;
  /** Bytes of a part, for a model that is new; one that is stored keeps its own. */
  readonly partBytes: number;
  readonly onNotice: OnNotice;
  /** Told while another context downloads this model and we wait for it; undefined until that one says how far it is. */
  readonly onWait?: ((progress: DownloadProgress | undefined) => void) | undefined;
  /** What a full disk does: `storage_full`, or go on without storing. */
  readonly onFull: 'fail' | 'stream';
}

/** Opens the view; holds the model's use lock until `close`. Rejects with `storage_failed`, or `aborted`. */
export async function openSession(options: SessionOptions, signal?: AbortSignal): Promise<Session> {
  const directory = await directoryOf(options.id);
  const use = await options.locks.use(options.id, signal);
  try {
    const state = (await readJournal(options.store, directory)) ?? emptyState(options);
    return new Session(options, directory, use, state);
  } catch (error) {
    await use.release();
    throw error;
  }
}

export class Session {
  readonly options: SessionOptions;
  readonly disk: Disk;
  /** The disk is full and the caller wants to go on: nothing more is written. */
  full = false;

  readonly #directory: string;
  readonly #use: Lock;
  readonly #closing = new AbortController();
  readonly #asked = new Map<string, Promise<void>>();
  #lastGiven = 0;
  #state: JournalState;
  #source: Promise<ModelSource> | undefined;
  #writer: { readonly journal: Journal; readonly lock: DownloadLock } | undefined;
  #trying: Promise<boolean | undefined> | undefined;
  #waiting: Promise<boolean> | undefined;
  /** Complete when we looked, so that nobody is asked; `doubted` since something of it was found damaged. */
  #trust: 'none' | 'trusted' | 'doubted';
  /** Files as they were when bytes of them were passed on, so that none of another version may follow. */
  readonly #used = new Map<string, StoredFile>();
  /** Some were, of a trusted model: then no file at all may have another version. */
  #usedUnasked = false;

  constructor(options: SessionOptions, directory: string, use: Lock, state: JournalState) {
    this.options = options;
    this.disk = openDisk(options.store, directory, () => this.#state.partBytes);
    this.#directory = directory;
    this.#use = use;
    this.#state = state;
    this.#trust = isComplete(state) ? 'trusted' : 'none';
  }

  get state(): JournalState {
    return this.#state;
  }

  /** Fires when the session is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get isWriter(): boolean {
    return this.#writer !== undefined;
  }

  /** The source, opened once; after a failure the next call tries again. */
  source(): Promise<ModelSource> {
    this.#source ??= this.options.openSource().catch((error) => {
      this.#source = undefined;
      throw error;
    });
    return this.#source;
  }

  /** What is known of a file, and is up to date; undefined where there is none. */
  async lookUp(path: string, signal?: AbortSignal): Promise<StoredFile | undefined> {
    const isSettled = this.#state.completed?.includes(path) || this.#state.absent.has(path);
    if (this.#trust === 'trusted' && isSettled) return this.#state.files.get(path);
    let asked = this.#asked.get(path);
    if (!asked) {
      const asking = this.#ask(path);
      asked = asking;
      this.#asked.set(path, asking);
      asking.catch(() => this.#asked.get(path) === asking && this.#asked.delete(path));
    }
    await abortable(asked, signal);
    return this.#state.files.get(path);
  }

  #isKnown(path: string): boolean {
    return this.#state.files.has(path) || this.#state.absent.has(path);
  }

  /** Bytes of a file are passed on. */
  used(file: StoredFile): void {
    this.#used.set(file.path, file);
    this.#usedUnasked ||= this.#trust === 'trusted';
  }

  async #ask(path: string): Promise<void> {
    const facts = await (await this.source()).stat(path, { signal: this.#closing.signal });
    const known = this.#state.files.get(path);
    if (facts === undefined) {
      if (this.#state.absent.has(path)) return;
      if (known) await this.#replace(known, 'is not at the source any more');
      return this.record({ t: 'absent', path });
    }
    if (known && !differs(known, facts)) return;
    if (known) await this.#replace(known, describeChange(known, facts));
    const { size, version, sha256 } = facts;
    const n = this.#nextIncarnation();
    await this.record({ t: 'file', n, path, size, version, sha256 });
  }

  /** Files are asked about at the same time, and a number is in the journal only when it is written: none is given twice. */
  #nextIncarnation(): number {
    this.#lastGiven = Math.max(this.#lastGiven, this.#state.lastIncarnation) + 1;
    return this.#lastGiven;
  }

  async #replace(file: StoredFile, why: string): Promise<void> {
    const { path } = file;
    const stored = storedBytes(file, this.#state.partBytes);
    if (stored > 0) {
      const message = `${path} ${why}: ${stored} stored bytes of it are dropped.`;
      this.options.onNotice({ kind: 'changed', message, path });
    }
    if (!this.#usedUnasked && !this.#used.has(path)) return this.isWriter ? this.disk.remove(file) : undefined;
    await this.drop(file);
    throw sourceChanged(path, why);
  }

  /** Forgets a file, and with it that the model was complete: the next load asks about every file. */
  async drop(file: StoredFile): Promise<void> {
    if (this.isWriter) await this.disk.remove(file);
    await this.record({ t: 'absent', path: file.path });
  }

  /** Appended where we may write; else known to this session only, and asked again once we may. */
  async record(record: JournalRecord): Promise<void> {
    if (!this.full) {
      try {
        await this.#writer?.journal.append(record);
      } catch (error) {
        this.onWriteFailure(error);
      }
    }
    this.remember(record);
  }

  /** Known to this session only. */
  remember(record: JournalRecord): void {
    this.#state = applyRecord(this.#state, record);
  }

  /**
   * Gets the right to write.
   * @param wait for another context that has it, rather than give up at once
   * @returns false where another context has it (without `wait`), or has completed the model (nothing is to be written)
   */
  async becomeWriter(wait: boolean, signal?: AbortSignal): Promise<boolean> {
    if (this.#writer) return true;
    const { locks, id, onWait } = this.options;
    this.#trying ??= locks
      .tryDownload(id)
      .then((lock) => lock && this.#begin(lock))
      .finally(() => {
        this.#trying = undefined;
      });
    const began = await this.#trying;
    if (began !== undefined || !wait) return began ?? false;
    onWait?.(undefined);
    this.#waiting ??= locks
      .download(id, { signal: this.#closing.signal, onProgress: onWait })
      .then((lock) => this.#begin(lock))
      .finally(() => {
        this.#waiting = undefined;
      });
    return abortable(this.#waiting, signal);
  }

  async #begin(lock: DownloadLock): Promise<boolean> {
    try {
      if (this.#closing.signal.aborted) throw abortError(this.#closing.signal);
      const identity = { ...this.options, partBytes: this.#state.partBytes };
      const journal = await openJournal(this.options.store, this.#directory, identity);
      this.#writer = { journal, lock };
      const absent = [...this.#state.absent];
      this.#state = journal.state;
      // Asked for before anything was written, and not again: a complete model must know of them too.
      for (const path of absent) if (!this.#isKnown(path)) await this.record({ t: 'absent', path });
      await this.disk.sweep(this.#state.files.values());
      this.#asked.clear(); // the one that wrote before us may have stored other versions
      for (const file of this.#used.values()) {
        const now = this.#state.files.get(file.path);
        if (now && differs(file, now)) throw sourceChanged(file.path, describeChange(file, now));
      }
    } catch (error) {
      await this.stopWriting();
      await lock.release();
      this.onWriteFailure(error);
      return false;
    }
    if (this.#closing.signal.aborted || (this.#trust === 'none' && isComplete(this.#state))) {
      this.#trust = 'trusted';
      await this.stopWriting();
      return false;
    }
    return true;
  }

  /** A part of a file is not on disk as the journal says: from now on the source is asked about every file. */
  doubt(): void {
    if (this.#trust === 'trusted') this.#trust = 'doubted';
  }

  /** Everything is there: from now on the journal alone decides, here and elsewhere. */
  finishWriting(): Promise<void> {
    this.#trust = 'trusted';
    return this.stopWriting();
  }

  /** Lets other contexts write. */
  async stopWriting(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    this.disk.close();
    writer?.journal.close();
    await this.options.store.settled?.();
    await writer?.lock.release();
  }

  /** Tells the contexts that wait for us how far we are. */
  announce(): void {
    this.#writer?.lock.announce(this.progress());
  }

  /** Bytes stored of those of all files that were looked up. */
  progress(): DownloadProgress {
    let [loaded, total] = [0, 0];
    for (const file of this.#state.files.values()) {
      loaded += storedBytes(file, this.#state.partBytes);
      total += file.size;
    }
    return { loaded, total };
  }

  /** Where the disk is full and the caller wants to go on, says so; else throws what is to be known. */
  onWriteFailure(error: unknown): void {
    if (!(error instanceof OutriderError && error.code === 'storage_full')) throw error;
    const { loaded, total } = this.progress();
    const what = `The storage is full: ${loaded} of the ${total} known bytes of ${this.options.label} are stored.`;
    if (this.options.onFull === 'fail') {
      throw new OutriderError('storage_full', `${what} ${error.message}`, {
        cause: error,
        details: { ...error.details, stored: loaded, total },
      });
    }
    if (this.full) return;
    this.full = true;
    const message = `${what} The rest is used without storing it, and downloaded again next time.`;
    this.options.onNotice({ kind: 'uncached', message });
  }

  /** The journal has these files, complete and right, and nobody has to be asked. */
  isComplete(paths: readonly string[]): boolean {
    const { completed } = this.#state;
    return this.#trust === 'trusted' && isComplete(this.#state) && paths.every((path) => completed!.includes(path));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.disk.end();
    await this.stopWriting();
    await this.#use.release();
  }
}

function sourceChanged(path: string, why: string): OutriderError {
  return new OutriderError(
    'source_changed',
    `${path} ${why}, and bytes of the other version are in use already. Load again: the new version is fetched.`,
    { details: { file: path } },
  );
}

/** Waits for what goes on without us when `signal` fires. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const { controller, release } = linkAbort(signal);
  try {
    return await new Promise<T>((resolve, reject) => {
      controller.signal.addEventListener('abort', () => reject(abortError(controller.signal)));
      work.then(resolve, reject);
    });
  } finally {
    release();
  }
}
