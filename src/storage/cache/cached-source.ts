/**
 * A model source with a memory: whatever is streamed is stored, part by part, and read from the disk from then on. A model
 * that was completed is used without asking the network for anything. What is done in which trouble: the table in session.ts.
 */
import { OutriderError } from '../../errors.ts';
import { PART_BYTES, streamParts } from '../parts.ts';
import { checkRange, type FileFacts, type ModelSource, type ReadOptions } from '../source.ts';
import { type CompleteOptions, Completer, type Completion } from './completion.ts';
import type { SharedFiles } from './cross-origin.ts';
import type { HasherPool } from './hasher.ts';
import type { CacheLocks, DownloadProgress } from './locks.ts';
import type { OnNotice } from './notices.ts';
import { PartsIo } from './parts-io.ts';
import type { Meta, StoredFile } from './records.ts';
import { openSession, type Session } from './session.ts';
import type { BlockStore, Bytes } from './store.ts';

export interface CachedSourceOptions {
  /** `ModelSource.id` of the source. */
  readonly id: string;
  /** For people; without a signature or token. */
  readonly label: string;
  readonly locks: CacheLocks;
  readonly hashers: HasherPool;
  readonly onNotice: OnNotice;
  /** Told while another context downloads this model and we wait for it; undefined until that one says how far it is. */
  readonly onWait?: ((progress: DownloadProgress | undefined) => void) | undefined;
  /** Where the disk is full: `fail` (default) throws `storage_full`, `stream` says so and goes on without storing. */
  readonly onFull?: 'fail' | 'stream' | undefined;
  /** Storage that origins share, where the browser has one and it is wanted: files are then kept there as well. */
  readonly shared?: SharedFiles | undefined;
  /** Parts in flight at a time. Default 6. */
  readonly parallel?: number | undefined;
  /** Default PART_BYTES; for tests. */
  readonly partBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CachedSource extends ModelSource {
  /** Whether everything is stored, with its hashes right: no request was made, and none is needed for these files. */
  isComplete(paths: readonly string[]): boolean;
  /**
   * Fetches what is missing of these files and waits for the hashes that the source promises; after that the model needs no
   * network. Rejects with `checksum_mismatch` where a file is wrong even after a second download.
   */
  complete(paths: readonly string[], options?: CompleteOptions): Promise<Completion>;
  /** What the application keeps with the model. */
  readonly meta: Meta;
  /** Adds to it; makes the model's directory if need be. Rejects with `storage_full`, `storage_failed`. */
  setMeta(meta: Meta): Promise<void>;
  /** Ends downloads and hashing, and lets go of files and locks. What was stored stays. */
  close(): Promise<void>;
}

/**
 * Opens a stored model, or begins one. Waits only while the model is being deleted.
 * @param openSource called when something is needed that is not stored, and not before
 */
export async function openCached(
  openSource: () => Promise<ModelSource>,
  store: BlockStore,
  options: CachedSourceOptions,
): Promise<CachedSource> {
  const { id, label, locks, onNotice, onWait, onFull = 'fail', partBytes = PART_BYTES, signal } = options;
  const session = await openSession(
    { id, label, store, locks, openSource, partBytes, onNotice, onWait, onFull },
    signal,
  );
  const io = new PartsIo(session, options.shared);
  const completer = new Completer(session, io, options.hashers);
  return {
    label,
    id,
    async stat(path, { signal } = {}) {
      const file = await session.lookUp(path, signal);
      return file && factsOf(file);
    },
    read: (path, start, end, { signal } = {}) => readRange(session, io, path, start, end, signal),
    stream: (path, start, end, { signal } = {}) =>
      streamRange(session, io, completer, path, start, end, { signal, parallel: options.parallel }),
    isComplete: (paths) => session.isComplete(paths),
    async complete(paths, completeOptions = {}) {
      const wasComplete = session.isComplete(paths);
      const completion = await completer.complete(paths, completeOptions);
      if (options.shared && completion.stored && !wasComplete) await offerFiles(session, io, options.shared, paths);
      return completion;
    },
    get meta() {
      return session.state.meta;
    },
    async setMeta(meta) {
      // A first try may find that another context has completed the model; the second gets the right to write all the same.
      if (!(await session.becomeWriter(true, signal))) await session.becomeWriter(true, signal);
      const isComplete = session.isComplete(session.state.completed ?? []);
      await session.record({ t: 'meta', meta });
      if (isComplete) await session.finishWriting();
    },
    close() {
      completer.stop(new OutriderError('aborted', 'The model was closed.'));
      return session.close();
    },
  };
}

const factsOf = ({ size, version, sha256 }: StoredFile): FileFacts => ({ size, version, sha256 });

/** From stored parts where all are there; a file of one part is stored on the way; a range of a larger one is not. */
async function readRange(
  session: Session,
  io: PartsIo,
  path: string,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<Bytes> {
  checkRange(path, start, end);
  const file = await io.lookUp(path, signal);
  checkEnd(file, end);
  const { partBytes } = session.state;
  const [first, last] = [Math.floor(start / partBytes), Math.ceil(end / partBytes)];
  const isStored = file.parts.slice(first, last).every((part) => part?.present);
  if (!isStored && file.parts.length > 1) {
    session.used(file);
    return (await session.source()).read(path, start, end, { signal });
  }
  const bytes = new Uint8Array(end - start);
  for (let i = first; i < last; i++) {
    const part = await io.part(path, i, { wait: false, signal });
    const from = Math.max(start, i * partBytes);
    const to = Math.min(end, i * partBytes + part.length);
    bytes.set(part.subarray(from - i * partBytes, to - i * partBytes), from - start);
  }
  return bytes;
}

async function* streamRange(
  session: Session,
  io: PartsIo,
  completer: Completer,
  path: string,
  start: number,
  end: number,
  options: ReadOptions & { readonly parallel: number | undefined },
): AsyncGenerator<Bytes> {
  checkRange(path, start, end);
  const file = await io.lookUp(path, options.signal);
  checkEnd(file, end);
  const { partBytes } = session.state;
  /** Of which the caller wants a piece: where the disk is full the file's hash needs all of it, and here it passes by. */
  const cut = new Map<number, Bytes>();
  const readPart = async (from: number, to: number, signal: AbortSignal): Promise<Bytes> => {
    const i = Math.floor(from / partBytes);
    const bytes = await completer.pace.run(() => io.part(path, i, { wait: true, signal }));
    if (to - from === bytes.length) return bytes;
    cut.set(i, bytes);
    return bytes.slice(from - i * partBytes, to - i * partBytes);
  };
  let at = start;
  for await (const piece of streamParts(readPart, start, end, { ...options, partBytes })) {
    const i = Math.floor(at / partBytes);
    if (session.full) await completer.supply(path, i, cut.get(i) ?? piece);
    cut.delete(i);
    at += piece.length;
    yield piece;
  }
}

function checkEnd({ path, size }: StoredFile, end: number): void {
  if (end <= size) return;
  throw new OutriderError('checkpoint_invalid', `${path} has ${size} bytes; ${end} were asked for. Load it again.`, {
    details: { file: path, size, end },
  });
}

/** Files that came over the network and whose hash is known, to all origins. It failing is worth a notice, not the model. */
async function offerFiles(session: Session, io: PartsIo, shared: SharedFiles, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const file = session.state.files.get(path)!;
    if (!file.sha256 || (await io.isShared(file))) continue;
    try {
      await shared.offer(file.sha256, allParts(io, file));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      session.options.onNotice({ kind: 'shared', message, path });
    }
  }
}

async function* allParts(io: PartsIo, { path, parts }: StoredFile): AsyncGenerator<Bytes> {
  for (const i of parts.keys()) yield await io.part(path, i, { wait: true });
}
