/** The parts of one model on disk: one file per incarnation, opened when it is needed, and never trusted. */
import { OutriderError } from '../../errors.ts';
import { allocatePart } from '../parts.ts';
import { hashPart, sha256 } from './digest.ts';
import { partLength, type StoredFile } from './records.ts';
import { type BlockFile, type BlockStore, type Bytes, discard, type OpenMode } from './store.ts';

export interface Disk {
  /** The bytes as they are; undefined where the file is not there or too short. */
  read(file: StoredFile, part: number): Promise<Bytes | undefined>;
  /** The bytes, if they have the hash of the journal; else undefined. */
  readChecked(file: StoredFile, part: number): Promise<Bytes | undefined>;
  /** Written, and after every `FLUSH_BYTES` flushed. */
  write(file: StoredFile, part: number, bytes: Bytes): Promise<void>;
  /** Everything written survives a power cut once this resolves. */
  flush(): Promise<void>;
  /** Bytes; undefined where there is no file. */
  size(file: StoredFile): Promise<number | undefined>;
  /** Removes a file that is not in the journal any more. */
  remove(file: StoredFile): Promise<void>;
  /** Removes files that no journal speaks of any more, as a crash or an eviction may leave them. */
  sweep(known: Iterable<StoredFile>): Promise<void>;
  /** Lets go of all files; what is asked for after that is opened anew. */
  close(): void;
  /** The same for good: what is still under way is refused, so that nothing is written without the right to. */
  end(): void;
}

/**
 * Bytes that may be written before anybody waits until the disk has them. They outlive the tab and the browser as they
 * are; what a power cut takes is found missing by its hash, and fetched again. Waiting for each part costs a load a
 * fifth of its rate on two cores: 0.18 against 0.14 GB/s with everything on.
 */
const FLUSH_BYTES = 256 << 20;

/** Name on disk: not the path, which another version of the file has too. */
export const diskName = ({ incarnation }: Pick<StoredFile, 'incarnation'>): string => `file-${incarnation}`;
const isDiskName = (name: string): boolean => name.startsWith('file-');

/** The directory of a model: its id, as a name that every file system takes. */
export async function directoryOf(id: string): Promise<string> {
  return (await sha256(new TextEncoder().encode(id))).slice(0, 32);
}

/** @param partBytes bytes of a part, from the journal */
export function openDisk(store: BlockStore, directory: string, partBytes: () => number): Disk {
  let hasEnded = false;
  let unflushed = 0;
  const handles = new Map<number, Promise<BlockFile | undefined>>();

  const open = async (file: StoredFile, mode: OpenMode): Promise<BlockFile | undefined> => {
    const before = handles.get(file.incarnation);
    const opened = (async () => {
      const handle = await before?.catch(() => undefined);
      if (handle && (mode === 'read' || handle.mode === 'write')) return handle;
      handle?.close();
      const next = await store.open(directory, diskName(file), mode);
      if (!hasEnded) return next;
      next?.close();
      throw new OutriderError('aborted', 'The stored model was closed.');
    })();
    handles.set(file.incarnation, opened);
    const forget = (): void => {
      if (handles.get(file.incarnation) === opened) handles.delete(file.incarnation);
    };
    opened.then((handle) => handle ?? forget(), forget);
    return opened;
  };
  const drop = (file: Pick<StoredFile, 'incarnation'>): void => {
    const handle = handles.get(file.incarnation);
    handles.delete(file.incarnation);
    handle?.then(
      (opened) => opened?.close(),
      () => {},
    );
  };
  const read = async (file: StoredFile, part: number): Promise<Bytes | undefined> => {
    const bytes = allocatePart(partLength(file, part, partBytes()));
    try {
      const handle = await open(file, 'read');
      const length = await handle?.read(bytes, part * partBytes());
      return length === bytes.length ? bytes : undefined;
    } catch (error) {
      // Cleared by the browser, or unreadable: the same to us as never stored. Its next handle is a new one.
      if (!(error instanceof OutriderError && error.code === 'storage_failed')) throw error;
      drop(file);
      return undefined;
    }
  };
  return {
    read,
    async readChecked(file, part) {
      const bytes = await read(file, part);
      return bytes && (await hashPart(bytes)) === file.parts[part]?.sha256 ? bytes : undefined;
    },
    async write(file, part, bytes) {
      const handle = (await open(file, 'write'))!;
      await handle.write(bytes, part * partBytes());
      unflushed += bytes.length;
      if (unflushed >= FLUSH_BYTES) await this.flush();
    },
    async flush() {
      unflushed = 0;
      const opened = await Promise.all(handles.values());
      await Promise.all(opened.map((handle) => handle?.mode === 'write' && handle.flush()));
    },
    async size(file) {
      return (await open(file, 'read'))?.size();
    },
    async remove(file) {
      const handle = await handles.get(file.incarnation)?.catch(() => undefined);
      handles.delete(file.incarnation);
      handle?.close();
      await discard(store, directory, diskName(file));
    },
    end() {
      hasEnded = true;
      this.close();
    },
    async sweep(known) {
      const names = new Set([...known].map(diskName));
      for (const { name } of await store.list(directory)) {
        if (isDiskName(name) && !names.has(name)) await discard(store, directory, name);
      }
    },
    close() {
      for (const incarnation of handles.keys()) drop({ incarnation });
    },
  };
}
