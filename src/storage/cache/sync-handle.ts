/** Sync access handles of the origin private file system: what is used of them, and how they are closed. */
import type { Bytes } from './store.ts';

/** The part of `FileSystemSyncAccessHandle` that is used; TypeScript has it only in its worker library. */
export interface SyncHandle {
  read(into: Bytes, options: { at: number }): number;
  write(bytes: Bytes, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

export type SyncFileHandle = FileSystemFileHandle & {
  createSyncAccessHandle(options?: { mode: 'readwrite-unsafe' }): Promise<SyncHandle>;
};

/** Handles that others may have too; only where `hasModes`. */
export const SHARED = { mode: 'readwrite-unsafe' } as const;

/** Browsers that know modes show them on the handle. */
export function hasModes(): boolean {
  const { FileSystemSyncAccessHandle } = globalThis as { FileSystemSyncAccessHandle?: { readonly prototype: object } };
  return FileSystemSyncAccessHandle !== undefined && 'mode' in FileSystemSyncAccessHandle.prototype;
}

/**
 * Where the storage was cleared under an open handle, Chromium's `close()` never returns, and with it the whole worker: such
 * a handle goes when the worker does. Only for handles that others may have too, since nobody waits for them to be closed.
 */
export async function closeIfThere(file: SyncFileHandle, handle: SyncHandle): Promise<void> {
  if (await file.getFile().catch(() => undefined)) handle.close();
}
