/** Whole parts of a model's files: from the disk where they are there and right, else from the source and stored. */
import { OutriderError } from '../../errors.ts';
import type { ModelSource } from '../source.ts';
import type { SharedFiles } from './cross-origin.ts';
import { hashPart } from './digest.ts';
import { nameParts } from './notices.ts';
import { partLength, type StoredFile } from './records.ts';
import { type Sequence, startSequence } from './sequence.ts';
import type { Session } from './session.ts';
import type { Bytes } from './store.ts';

export interface PartOptions {
  /** Wait for another context that downloads, and take what it stored; else fetch without storing. */
  readonly wait: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class PartsIo {
  /** Parts of which other bytes were passed on before: path -> indices. */
  readonly replaced = new Map<string, Set<number>>();
  /** Told of each file of which a part was stored. */
  onStored: (file: StoredFile) => void = () => {};
  readonly #session: Session;
  readonly #shared: SharedFiles | undefined;
  readonly #sequences = new Map<number, Sequence>();
  #checking: Promise<unknown> = Promise.resolve();
  readonly #storing = new Map<string, Promise<unknown>>();
  readonly #blobs = new Map<number, Promise<Blob | undefined>>();

  constructor(session: Session, shared: SharedFiles | undefined) {
    this.#session = session;
    this.#shared = shared;
  }

  /** Part `i`, in a buffer of its own. Rejects with the source's errors, `source_changed`, `storage_full`, `storage_failed`. */
  async part(path: string, i: number, options: PartOptions): Promise<Bytes> {
    const { signal } = options;
    const session = this.#session;
    for (;;) {
      const file = await this.lookUp(path, signal);
      if (file.parts[i]?.present) {
        const bytes = await session.disk.readChecked(file, i);
        if (bytes) {
          session.used(file);
          return bytes;
        }
        await this.#onDamage(file, i, signal);
      } else if (!session.isWriter && !session.full) {
        const mayWrite = await session.becomeWriter(options.wait, signal);
        if (!mayWrite && !options.wait && !session.full) return this.#fetch(file, i, signal);
      } else {
        const bytes = await this.#fetchOnce(file, i, signal);
        if (bytes) return bytes;
      }
    }
  }

  /** The file, or `model_not_found`. */
  async lookUp(path: string, signal?: AbortSignal): Promise<StoredFile> {
    const file = await this.#session.lookUp(path, signal);
    if (file) return file;
    const { label } = this.#session.options;
    throw new OutriderError('model_not_found', `${path} is not in ${label}.`, { details: { file: path } });
  }

  /** Records that parts are not on disk as they should be, so that they are fetched again. */
  async markLost(file: StoredFile, parts: readonly number[]): Promise<void> {
    const { path, size, incarnation } = file;
    const named = nameParts(parts, this.#session.state.partBytes, size);
    const message = `${path}: ${named} on disk is gone or not what was stored, and is fetched again.`;
    this.#session.options.onNotice({ kind: 'damaged', message, path, parts });
    await this.#session.record({ t: 'lost', n: incarnation, parts });
  }

  /** Writes and records a part whose hash is known. @returns false where the disk is full and we go on without */
  async store(file: StoredFile, i: number, bytes: Bytes, hash: string): Promise<boolean> {
    const session = this.#session;
    const record = { t: 'part', n: file.incarnation, i, sha256: hash } as const;
    try {
      if (!session.full) await session.disk.write(file, i, bytes);
    } catch (error) {
      session.onWriteFailure(error);
    }
    if (!session.full) await session.record(record);
    if (session.full) {
      // Kept in memory: what is fetched a second time is compared with it.
      session.remember(record);
      session.remember({ t: 'lost', n: file.incarnation, parts: [i] });
      return false;
    }
    session.announce();
    this.onStored(file);
    return true;
  }

  /** The bytes of part `i` as the source has them, compared with nothing. */
  async fetch(file: StoredFile, i: number, signal?: AbortSignal): Promise<Bytes> {
    const { partBytes } = this.#session.state;
    const start = i * partBytes;
    const end = start + partLength(file, i, partBytes);
    const blob = await this.#findShared(file);
    if (blob) return new Uint8Array(await blob.slice(start, end).arrayBuffer());
    return (await this.#session.source()).read(file.path, start, end, { signal });
  }

  /** Whether the file was taken from the storage that origins share. */
  async isShared({ incarnation }: StoredFile): Promise<boolean> {
    return (await this.#blobs.get(incarnation)) !== undefined;
  }

  async #onDamage(file: StoredFile, i: number, signal?: AbortSignal): Promise<void> {
    const session = this.#session;
    session.doubt();
    // Whoever writes may have repaired it by the time it is our turn, so we look again before we say that it is lost.
    if (!session.isWriter && !session.full) return void (await session.becomeWriter(true, signal));
    const checked = this.#checking.then(() => this.#checkPart(file.path, i));
    this.#checking = checked.catch(() => {}); // whoever found the damage hears of it
    await checked;
  }

  /** One at a time, because many parts of an evicted file are found missing at once: they are lost in one record. */
  async #checkPart(path: string, i: number): Promise<void> {
    const { disk, state } = this.#session;
    const file = state.files.get(path);
    if (!file?.parts[i]?.present || (await disk.readChecked(file, i))) return;
    const onDisk = (await disk.size(file)) ?? 0;
    const isLost = (k: number) => k === i || k * state.partBytes + partLength(file, k, state.partBytes) > onDisk;
    const lost = [...file.parts.keys()].filter((k) => file.parts[k]?.present && isLost(k));
    await this.markLost(file, lost);
  }

  /** One context may ask for a part twice at a time: the second waits, and finds it on disk. */
  async #fetchOnce(file: StoredFile, i: number, signal?: AbortSignal): Promise<Bytes | undefined> {
    const key = `${file.incarnation}:${i}`;
    const other = this.#storing.get(key);
    if (other) {
      await other.catch(() => {}); // whoever asked first hears of it; we look for ourselves
      return undefined;
    }
    const storing = this.#fetchAndStore(file, i, signal).catch((error) => this.#inSequence(error, file, i));
    this.#storing.set(key, storing);
    try {
      return await storing;
    } finally {
      this.#storing.delete(key);
    }
  }

  /** Where the server has no Range: the whole file goes by once, and is looked for on disk then. */
  async #inSequence(error: unknown, file: StoredFile, i: number): Promise<undefined> {
    const session = this.#session;
    const isRefused = error instanceof OutriderError && error.code === 'range_unsupported';
    if (!isRefused || session.full || file.size <= session.state.partBytes) throw error;
    const source = await session.source();
    const sequence = this.#sequences.get(file.incarnation) ?? this.#startSequence(source, file);
    await sequence.reached(i);
    if (session.full) throw error; // it went by, and there was no room for it
    return undefined;
  }

  #startSequence(source: ModelSource, file: StoredFile): Sequence {
    const session = this.#session;
    const { partBytes } = session.state;
    const sequence = startSequence(
      source.stream(file.path, 0, file.size, { signal: session.closing }),
      (i) => (i < file.parts.length ? partLength(file, i, partBytes) : undefined),
      async (i, bytes) => {
        const known = session.state.files.get(file.path)?.parts[i];
        if (known?.present) return;
        const hash = await hashPart(bytes);
        if (known && known.sha256 !== hash) await this.onOtherBytes(file, i);
        await this.store(file, i, bytes, hash);
      },
    );
    this.#sequences.set(file.incarnation, sequence);
    const forget = () => this.#sequences.delete(file.incarnation);
    sequence.reached(file.parts.length - 1).then(forget, forget);
    return sequence;
  }

  async #fetchAndStore(file: StoredFile, i: number, signal?: AbortSignal): Promise<Bytes> {
    const bytes = await this.#fetch(file, i, signal);
    await this.store(file, i, bytes, await hashPart(bytes));
    return bytes;
  }

  async #fetch(file: StoredFile, i: number, signal?: AbortSignal): Promise<Bytes> {
    const bytes = await this.fetch(file, i, signal);
    const expected = file.parts[i]?.sha256;
    if (expected !== undefined && (await hashPart(bytes)) !== expected) await this.onOtherBytes(file, i);
    this.#session.used(file);
    return bytes;
  }

  /** The source has other bytes for part `i` than it had: `source_changed`, unless the file's own hash can decide. */
  async onOtherBytes(file: StoredFile, i: number): Promise<void> {
    if (file.sha256 && !file.verified) {
      this.replaced.set(file.path, (this.replaced.get(file.path) ?? new Set()).add(i));
      return;
    }
    await this.#session.drop(file);
    const named = nameParts([i], this.#session.state.partBytes, file.size);
    throw new OutriderError(
      'source_changed',
      `${file.path}: the source has other bytes now for ${named} than when it was stored, under the same version. ` +
        'What is stored of the file is dropped; load again.',
      { details: { file: file.path, part: i } },
    );
  }

  #findShared({ path, sha256: hash, size, incarnation, parts }: StoredFile): Promise<Blob | undefined> {
    const known = this.#blobs.get(incarnation);
    if (known) return known;
    const isNew = parts.every((part) => part === undefined);
    const found = this.#shared && hash && isNew ? this.#shared.find(hash, size) : Promise.resolve(undefined);
    this.#blobs.set(incarnation, found);
    const { onNotice } = this.#session.options;
    found.then((blob) => {
      if (blob) onNotice({ kind: 'shared', message: `${path} is taken from the storage that websites share.`, path });
    });
    return found;
  }
}
