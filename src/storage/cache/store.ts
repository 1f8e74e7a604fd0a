/**
 * Where the cache keeps bytes: flat directories of files with random access, nothing else. OPFS in a browser's dedicated
 * worker (opfs.ts), memory in tests. Asynchronous, because some readers are (a `File` slice), though OPFS writes are not.
 *
 * Failures are `storage_full` where there is no room for more, `model_in_use` where another context holds the file, and
 * `storage_failed` where a file or the whole store went away under its handle.
 */
import { OutriderError } from '../../errors.ts';

export type Bytes = Uint8Array<ArrayBuffer>;

export type OpenMode = 'read' | 'write';

/** One open file. Offsets and lengths are bytes. */
export interface BlockFile {
  readonly mode: OpenMode;
  /** Fills `into` from offset `at`; fewer bytes than asked for only at the file's end. @returns bytes read */
  read(into: Bytes, at: number): Promise<number>;
  /** All of `bytes` at offset `at`, or `storage_full`; not durable before `flush`. */
  write(bytes: Bytes, at: number): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Everything written before survives a crash once this resolves. */
  flush(): Promise<void>;
  size(): Promise<number>;
  close(): void;
}

/** What a browser says about its storage: hints, never a capacity. */
export interface StoreEstimate {
  readonly usage?: number | undefined;
  readonly quota?: number | undefined;
}

export interface BlockStore {
  /** `write` makes the directory and the file where they are missing; `read` answers undefined for them. */
  open(directory: string, name: string, mode: 'write'): Promise<BlockFile>;
  open(directory: string, name: string, mode: OpenMode): Promise<BlockFile | undefined>;
  directories(): Promise<string[]>;
  /** Names and bytes of a directory's files; empty where there is no such directory. */
  list(directory: string): Promise<{ readonly name: string; readonly size: number }[]>;
  /** Removes a file, or without `name` the directory with everything in it; what is not there is not missed. */
  remove(directory: string, name?: string): Promise<void>;
  estimate(): Promise<StoreEstimate>;
  /** Resolves when what was closed is closed, where that is done elsewhere: nobody may write before. */
  settled?(): Promise<void>;
}

/**
 * Removes a file that nothing refers to any more. One that is still open stays, and goes with a later sweep: another tab may read
 * an older version, and what Chromium cleared under an open handle counts as open after its worker has gone.
 */
export async function discard(store: BlockStore, directory: string, name: string): Promise<void> {
  try {
    await store.remove(directory, name);
  } catch (error) {
    if (!(error instanceof OutriderError && error.code === 'model_in_use')) throw error;
  }
}
