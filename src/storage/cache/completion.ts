/**
 * From "all parts arrived" to "the model is complete": missing parts are fetched, files whose hash the source promises are
 * hashed while they arrive, and a file with another hash is fetched a second time, to find the parts that were wrong.
 */
import { OutriderError } from '../../errors.ts';
import { streamParts } from '../parts.ts';
import { throwIfAborted } from '../source.ts';
import { hashPart } from './digest.ts';
import { type FileHash, startFileHash } from './file-hash.ts';
import type { HasherPool } from './hasher.ts';
import { nameParts } from './notices.ts';
import { Pace } from './pace.ts';
import type { PartsIo } from './parts-io.ts';
import { partLength, type StoredFile, storedBytes } from './records.ts';
import type { Session } from './session.ts';
import type { Bytes } from './store.ts';

export interface CompleteProgress {
  readonly phase: 'download' | 'hash';
  readonly path: string;
  /** Bytes, over all files of this call. */
  readonly loaded: number;
  readonly total: number;
}

export interface CompleteOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CompleteProgress) => void) | undefined;
}

/** Parts that were passed on wrong and are right now: whoever used them must read them again. */
export interface ReplacedParts {
  readonly path: string;
  /** Byte ranges of the parts, in order. */
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}

export interface Completion {
  /** False where the disk was full and the caller went on without: the next load downloads the rest again. */
  readonly stored: boolean;
  /** Empty unless something was received wrong. */
  readonly replaced: readonly ReplacedParts[];
}

/** Parts on disk that may wait for the hashes of their files before fetching slows down. */
const MAX_BACKLOG = 8;

export class Completer {
  /** Of parts that are fetched: that of hashing, where it is behind. */
  readonly pace = new Pace(() => this.#isBehind());
  readonly #session: Session;
  readonly #io: PartsIo;
  readonly #hashers: HasherPool;
  readonly #hashes = new Map<string, { readonly incarnation: number; readonly hash: FileHash }>();

  constructor(session: Session, io: PartsIo, hashers: HasherPool) {
    this.#session = session;
    this.#io = io;
    this.#hashers = hashers;
    io.onStored = (file) => this.#hashOf(file)?.wake();
  }

  /** A part that may not be stored: hashed from memory, if it is its turn. `bytes` stay the caller's. */
  async supply(path: string, i: number, bytes: Bytes): Promise<void> {
    const file = this.#session.state.files.get(path);
    const hash = file && this.#hashOf(file);
    if (hash && !file.parts[i]?.present) await hash.supply(i, bytes.slice());
  }

  async complete(paths: readonly string[], options: CompleteOptions): Promise<Completion> {
    const { signal } = options;
    if (!this.#session.isComplete(paths)) {
      for (const path of paths) await this.#io.lookUp(path, signal);
      const mayWrite = await this.#session.becomeWriter(true, signal);
      if (mayWrite || this.#session.full) await this.#finish(paths, options);
      else if (!this.#session.isComplete(paths)) return this.complete(paths, options); // another context completed others
    }
    return { stored: this.#session.isComplete(paths), replaced: this.#replaced() };
  }

  #isBehind(): boolean {
    let backlog = 0;
    for (const { hash } of this.#hashes.values()) backlog += hash.backlog(MAX_BACKLOG + 1);
    return backlog > MAX_BACKLOG;
  }

  stop(reason: unknown): void {
    for (const { hash } of this.#hashes.values()) hash.stop(reason);
    this.#hashes.clear();
  }

  async #finish(paths: readonly string[], options: CompleteOptions): Promise<void> {
    for (const path of paths) await this.#fetchMissing(path, paths, options);
    for (const path of paths) await this.#check(path, paths, options);
    if (this.#session.full) return;
    await this.#session.disk.flush();
    await this.#session.record({ t: 'complete', paths });
    await this.#session.finishWriting();
  }

  async #fetchMissing(path: string, paths: readonly string[], { signal, onProgress }: CompleteOptions): Promise<void> {
    const { partBytes } = this.#session.state;
    const { size, parts } = await this.#io.lookUp(path, signal);
    const report = () => onProgress?.({ phase: 'download', path, ...this.#storedOf(paths) });
    report();
    for (let i = 0; i < parts.length; i++) {
      if (!this.#isMissing(path, i)) continue;
      let end = i + 1;
      while (end < parts.length && this.#isMissing(path, end)) end++;
      const range = [i * partBytes, Math.min(end * partBytes, size)] as const;
      const readPart = (start: number, _: number, stop: AbortSignal) =>
        this.#io.part(path, start / partBytes, { wait: true, signal: stop });
      for await (const bytes of streamParts(readPart, ...range, { signal, partBytes })) {
        await this.supply(path, i++, bytes);
        report();
      }
    }
  }

  /** Neither stored nor, where the disk is full, hashed from memory. */
  #isMissing(path: string, i: number): boolean {
    const file = this.#session.state.files.get(path)!;
    if (file.parts[i]?.present) return false;
    return !this.#session.full || (file.sha256 !== undefined && (this.#hashOf(file)?.done ?? 0) <= i);
  }

  #storedOf(paths: readonly string[]): { loaded: number; total: number } {
    let [loaded, total] = [0, 0];
    for (const path of paths) {
      const file = this.#session.state.files.get(path);
      if (!file) continue;
      loaded += storedBytes(file, this.#session.state.partBytes);
      total += file.size;
    }
    return { loaded, total };
  }

  /** The hash of a file under way, begun if it is not; undefined where none is promised, or it is known to be right. */
  #hashOf(file: StoredFile): FileHash | undefined {
    const { path, incarnation } = file;
    const known = this.#hashes.get(path);
    if (known?.incarnation === incarnation) return known.hash;
    known?.hash.stop(new Error('another version'));
    if (!file.sha256 || file.verified) return undefined;
    const hash = startFileHash({
      numParts: file.parts.length,
      hasher: this.#hashers.create(),
      isStored: (i) => this.#session.state.files.get(path)?.parts[i]?.present ?? false,
      readStored: async (i) =>
        (await this.#session.disk.read(file, i)) ?? new Uint8Array(partLength(file, i, this.#session.state.partBytes)),
    });
    this.#hashes.set(path, { incarnation, hash });
    return hash;
  }

  async #check(path: string, paths: readonly string[], options: CompleteOptions): Promise<void> {
    const found = await this.#digest(path, paths, options);
    const file = this.#session.state.files.get(path)!;
    if (found !== undefined && found !== file.sha256) await this.#repair(file, found, paths, options);
    if (found !== undefined) await this.#session.record({ t: 'verified', n: file.incarnation });
  }

  /** Waits for the file's hash; undefined where there is nothing to check. */
  async #digest(path: string, paths: readonly string[], { signal, onProgress }: CompleteOptions) {
    const file = await this.#io.lookUp(path, signal);
    const hash = this.#hashOf(file);
    if (!hash) return undefined;
    hash.wake();
    const { partBytes, files } = this.#session.state;
    const total = paths.reduce((sum, other) => sum + files.get(other)!.size, 0);
    const before = paths.slice(0, paths.indexOf(path)).reduce((sum, other) => sum + files.get(other)!.size, 0);
    const report = () => {
      const loaded = before + Math.min(hash.done * partBytes, file.size);
      onProgress?.({ phase: 'hash', path, loaded, total });
    };
    const timer = setInterval(report, 200);
    const onAbort = (): void => hash.stop(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    try {
      report();
      return await hash.digest;
    } catch (error) {
      throwIfAborted(signal);
      throw error;
    } finally {
      this.#hashes.delete(path); // what is stored may change from here on
      clearInterval(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** First against our own disk, then against the source; whatever was wrong is named. */
  async #repair(
    { path }: StoredFile,
    found: string,
    paths: readonly string[],
    options: CompleteOptions,
  ): Promise<void> {
    const isRight = async () => {
      // One that began while parts were being replaced has some of before and some of after.
      this.#hashes.get(path)?.hash.stop(new Error('parts of the file were replaced'));
      this.#hashes.delete(path);
      const digest = await this.#digest(path, paths, options);
      found = digest ?? found;
      return digest === this.#session.state.files.get(path)!.sha256;
    };
    await this.#repairDisk(path, options);
    if (await isRight()) return;
    const changed = this.#session.full ? [] : await this.#fetchAgain(path, options);
    if (changed.length > 0 && (await isRight())) return;
    throw this.#mismatch(this.#session.state.files.get(path)!, found, changed);
  }

  /** Fetches again what is not on disk as it was received: what was hashed may have been damaged, or repaired since. */
  async #repairDisk(path: string, { signal }: CompleteOptions): Promise<void> {
    const file = this.#session.state.files.get(path)!;
    const bad: number[] = [];
    for (const [i, part] of file.parts.entries()) {
      throwIfAborted(signal);
      if (part?.present && !(await this.#session.disk.readChecked(file, i))) bad.push(i);
    }
    if (bad.length === 0) return;
    await this.#io.markLost(file, bad);
    for (const i of bad) await this.#io.part(path, i, { wait: true, signal });
  }

  /** The whole file once more. @returns the parts of which the source now has other bytes, stored as they are now */
  async #fetchAgain(path: string, { signal }: CompleteOptions): Promise<number[]> {
    const { partBytes } = this.#session.state;
    const { size } = this.#session.state.files.get(path)!;
    const changed: number[] = [];
    const readPart = async (start: number, _: number, stop: AbortSignal): Promise<Bytes> => {
      const file = this.#session.state.files.get(path)!;
      const i = start / partBytes;
      const bytes = await this.#io.fetch(file, i, stop);
      const hash = await hashPart(bytes);
      if (hash === file.parts[i]?.sha256) return bytes;
      changed.push(i);
      await this.#io.onOtherBytes(file, i);
      await this.#io.store(file, i, bytes, hash);
      return bytes;
    };
    for await (const _ of streamParts(readPart, 0, size, { signal, partBytes }));
    changed.sort((a, b) => a - b);
    if (changed.length > 0) {
      const named = nameParts(changed, partBytes, size);
      const message = `${path}: ${named} had been received wrong; what the source has now is stored.`;
      this.#session.options.onNotice({ kind: 'replaced', message, path, parts: changed });
    }
    return changed;
  }

  #mismatch({ path, sha256: promised, size }: StoredFile, found: string, changed: readonly number[]): OutriderError {
    const { partBytes } = this.#session.state;
    const again = this.#session.full
      ? 'The disk is full, so it was not fetched a second time.'
      : changed.length > 0
        ? `A second download differed in ${nameParts(changed, partBytes, size)} and is wrong too: the network is unsound.`
        : 'A second download brought the same bytes: the file at the source is not the one that is promised.';
    return new OutriderError(
      'checksum_mismatch',
      `${path} has the SHA-256 ${found}; the source promises ${promised}. ${again} Load again, or report it to the source.`,
      { details: { file: path, found, expected: promised ?? null, parts: changed } },
    );
  }

  /** Each is told once: who reads them again and completes again must not hear of them a second time. */
  #replaced(): ReplacedParts[] {
    const { partBytes, files } = this.#session.state;
    const told = [...this.#io.replaced];
    this.#io.replaced.clear();
    return told.map(([path, parts]) => {
      const file = files.get(path)!;
      const ranges = [...parts]
        .sort((a, b) => a - b)
        .map((i) => ({ start: i * partBytes, end: i * partBytes + partLength(file, i, partBytes) }));
      return { path, ranges };
    });
  }
}
