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
import { closeIfThere, hasModes, SHARED, type SyncFileHandle, type SyncHandle } from './sync-handle.ts';
import type { Writer, WrittenFile } from './writer.ts';

/**
 * @param writer writes in a thread of its own, where handles can be shared with it; undefined: in this one
 * @param folder where all models lie, below the root of the origin's file system
 * @throws `storage_failed` on first use where the browser has no such file system here (a private window, not a worker)
 */
export function createOpfsStore(writer?: Writer, folder = 'outrider'): BlockStore {
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
      return file && openFile(file as SyncFileHandle, path, mode, writer);
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
      await writer?.settled(); // an open file cannot be removed
      await guarded(entry, async () => parent && unlessMissing(parent.removeEntry(entry, { recursive: true })));
    },
    estimate,
    settled: async () => writer?.settled(),
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

async function openFile(
  file: SyncFileHandle,
  path: string,
  mode: OpenMode,
  writer: Writer | undefined,
): Promise<BlockFile> {
  if (!hasModes()) {
    if (mode === 'read') return sliceFile(file, path);
    const handle = await file.createSyncAccessHandle();
    return blockFile(path, mode, handle, () => handle.close());
  }
  const handle = await file.createSyncAccessHandle(SHARED);
  const close = () => void closeIfThere(file, handle);
  if (mode === 'read' || !writer) return blockFile(path, mode, handle, close);
  try {
    return writtenElsewhere(path, blockFile(path, mode, handle, close), await writer.open(file));
  } catch (error) {
    close();
    throw error;
  }
}

function blockFile(path: string, mode: OpenMode, handle: SyncHandle, close: () => void): BlockFile {
  return {
    mode,
    read: (into, at) => guarded(path, () => handle.read(into, { at })),
    write: (bytes, at) => guarded(path, () => checkWritten(path, bytes, handle.write(bytes, { at }))),
    truncate: (size) => guarded(path, () => handle.truncate(size)),
    flush: () => guarded(path, () => handle.flush()),
    size: () => guarded(path, () => handle.getSize()),
    close,
  };
}

/** A file of ours whose bytes another thread writes. */
function writtenElsewhere(path: string, here: BlockFile, there: WrittenFile): BlockFile {
  return {
    ...here,
    write: (bytes, at) => guarded(path, async () => checkWritten(path, bytes, await there.write(bytes, at))),
    flush: () => guarded(path, () => there.flush()),
    close() {
      here.close();
      there.close();
    },
  };
}

async function checkWritten(path: string, bytes: Bytes, written: number): Promise<void> {
  if (written !== bytes.length) throw await storageFull(path, bytes.length, { written });
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
