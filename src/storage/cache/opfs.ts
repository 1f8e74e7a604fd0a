/**
 * Blocks in the origin private file system, by sync access handles, which only dedicated workers have.
 *
 * Where handles have modes (Chromium), every handle is `readwrite-unsafe`, so that tabs can read what another one repairs:
 * the download lock (locks.ts) sees to it that only one writes, and hashes find a read that a write overtook. Elsewhere a
 * handle is exclusive, so it is taken for writing only, and readers slice a `File`.
 *
 * | the browser | becomes |
 * |---|---|
 * | `write()` answers another number than was asked for (a full incognito profile: a wrapped negative) | `storage_full` |
 * | `QuotaExceededError` | `storage_full` |
 * | `NoModificationAllowedError`: the file is open elsewhere | `model_in_use` |
 * | `NotFoundError` on opening for reading | undefined: it is not there |
 * | any other: the file or the whole storage was evicted under us, or the disk failed | `storage_failed` |
 */
import { OutriderError } from '../../errors.ts';
import type { BlockFile, BlockStore, Bytes, OpenMode, StoreEstimate } from './store.ts';

/** The part of `FileSystemSyncAccessHandle` that is used; TypeScript has it only in its worker library. */
interface SyncHandle {
  read(into: Bytes, options: { at: number }): number;
  write(bytes: Bytes, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

type SyncFileHandle = FileSystemFileHandle & {
  createSyncAccessHandle(options?: { mode: 'readwrite-unsafe' }): Promise<SyncHandle>;
};

/**
 * @param folder where all models lie, below the root of the origin's file system
 * @throws `storage_failed` on first use where the browser has no such file system here (a private window, not a worker)
 */
export function createOpfsStore(folder = 'outrider'): BlockStore {
  const openFolder = async (): Promise<FileSystemDirectoryHandle> =>
    guarded(folder, async () => (await navigator.storage.getDirectory()).getDirectoryHandle(folder, { create: true }));
  const openDirectory = async (name: string, create: boolean): Promise<FileSystemDirectoryHandle | undefined> => {
    const root = await openFolder();
    return guarded(name, () => unlessMissing(root.getDirectoryHandle(name, { create })));
  };
  async function open(directory: string, name: string, mode: 'write'): Promise<BlockFile>;
  async function open(directory: string, name: string, mode: OpenMode): Promise<BlockFile | undefined>;
  async function open(directory: string, name: string, mode: OpenMode): Promise<BlockFile | undefined> {
    const create = mode === 'write';
    const parent = await openDirectory(directory, create);
    const path = `${directory}/${name}`;
    return guarded(path, async () => {
      const file = parent && (await unlessMissing(parent.getFileHandle(name, { create })));
      return file && openFile(file as SyncFileHandle, path, mode);
    });
  }
  return {
    open,
    async directories() {
      const names: string[] = [];
      for await (const handle of (await openFolder()).values())
        if (handle.kind === 'directory') names.push(handle.name);
      return names;
    },
    async list(directory) {
      const parent = await openDirectory(directory, false);
      return guarded(directory, () => listFiles(parent));
    },
    async remove(directory, name) {
      const parent = name === undefined ? await openFolder() : await openDirectory(directory, false);
      const entry = name ?? directory;
      await guarded(entry, async () => parent && unlessMissing(parent.removeEntry(entry, { recursive: true })));
    },
    estimate,
  };
}

async function estimate(): Promise<StoreEstimate> {
  const { usage, quota } = await navigator.storage.estimate();
  return { usage, quota };
}

async function listFiles(parent: FileSystemDirectoryHandle | undefined): Promise<{ name: string; size: number }[]> {
  const files: { name: string; size: number }[] = [];
  if (!parent) return files;
  for await (const handle of parent.values()) {
    if (handle.kind !== 'file') continue;
    const { size } = await (handle as FileSystemFileHandle).getFile();
    files.push({ name: handle.name, size });
  }
  return files;
}

function openFile(file: SyncFileHandle, path: string, mode: OpenMode): Promise<BlockFile> | BlockFile {
  if (hasModes()) return openHandle(file, path, mode, { mode: 'readwrite-unsafe' });
  return mode === 'write' ? openHandle(file, path, mode) : sliceFile(file, path);
}

/** Browsers that know modes show them on the handle. */
function hasModes(): boolean {
  const { FileSystemSyncAccessHandle } = globalThis as { FileSystemSyncAccessHandle?: { readonly prototype: object } };
  return FileSystemSyncAccessHandle !== undefined && 'mode' in FileSystemSyncAccessHandle.prototype;
}

async function openHandle(
  file: SyncFileHandle,
  path: string,
  mode: OpenMode,
  options?: { mode: 'readwrite-unsafe' },
): Promise<BlockFile> {
  const handle = await file.createSyncAccessHandle(options);
  return {
    mode,
    read: (into, at) => guarded(path, () => handle.read(into, { at })),
    write: (bytes, at) =>
      guarded(path, async () => {
        const written = handle.write(bytes, { at });
        if (written !== bytes.length) throw await storageFull(path, bytes.length, { written });
      }),
    truncate: (size) => guarded(path, () => handle.truncate(size)),
    flush: () => guarded(path, () => handle.flush()),
    size: () => guarded(path, () => handle.getSize()),
    close: () => (options ? void closeIfThere(file, handle) : handle.close()),
  };
}

/**
 * Where the storage was cleared under an open handle, Chromium's `close()` never returns, and with it the whole worker: such
 * a handle goes when the worker does. Only for handles that others may have too, since nobody waits for them to be closed.
 */
async function closeIfThere(file: SyncFileHandle, handle: SyncHandle): Promise<void> {
  if (await file.getFile().catch(() => undefined)) handle.close();
}

/** Each read opens the file anew: a `File` is a snapshot, and cannot be read any more once a repair has changed it. */
function sliceFile(file: FileSystemFileHandle, path: string): BlockFile {
  const readOnly = (): never => {
    throw new TypeError(`${path} is open for reading`);
  };
  return {
    mode: 'read',
    read: (into, at) =>
      guarded(path, async () => {
        const bytes = await (await file.getFile()).slice(at, at + into.length).arrayBuffer();
        into.set(new Uint8Array(bytes));
        return bytes.byteLength;
      }),
    size: () => guarded(path, async () => (await file.getFile()).size),
    write: readOnly,
    truncate: readOnly,
    flush: readOnly,
    close() {},
  };
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (nameOf(error) === 'NotFoundError') return undefined;
    throw error;
  }
}

/** Runs `act`, and says in our codes what the browser says in its own. */
async function guarded<T>(path: string, act: () => Promise<T> | T): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof OutriderError) throw cause;
    throw await failure(path, cause);
  }
}

async function failure(path: string, cause: unknown): Promise<OutriderError> {
  const name = nameOf(cause);
  if (name === 'QuotaExceededError') return storageFull(path, undefined, {}, cause);
  if (name === 'NoModificationAllowedError') {
    return new OutriderError('model_in_use', `${path} is open in another tab. Close that tab and try again.`, {
      cause,
      details: { file: path },
    });
  }
  return new OutriderError(
    'storage_failed',
    `${path} could not be read or written in this browser's storage (${cause}). The browser may have cleared it, or does ` +
      'not offer it here (a private window). Load the model again: what is still stored is used.',
    { cause, details: { file: path, error: name } },
  );
}

async function storageFull(
  path: string,
  needed: number | undefined,
  details: { written?: number },
  cause?: unknown,
): Promise<OutriderError> {
  const { usage, quota } = await estimate();
  const what = needed === undefined ? '' : ` ${needed} bytes`;
  const hint = quota === undefined ? '' : ` It estimates ${usage} bytes used of ${quota}, which is only a hint.`;
  return new OutriderError(
    'storage_full',
    `The browser does not store${what} more in ${path}.${hint} Delete models that are not needed, free disk space, or ` +
      'leave the private window.',
    { cause, details: { file: path, needed: needed ?? null, usage: usage ?? null, quota: quota ?? null, ...details } },
  );
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error));
