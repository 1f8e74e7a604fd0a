/**
 * Storage that origins share, keyed by SHA-256 (the WICG proposal "Cross-Origin Storage"; today an extension). Used only
 * where it is: a file that another site has loaded is not downloaded again, and ours is offered to others. The browser
 * checks the hash when a file is offered; we check it again when it is taken.
 */
import { OutriderError } from '../../errors.ts';
import type { Bytes } from './store.ts';

export interface SharedFiles {
  /** The file with this hash and size; undefined where it is not there, or the browser does not tell. */
  find(sha256: string, size: number): Promise<Blob | undefined>;
  /** Offers a file to every origin. Rejects with `storage_failed`, `storage_full`; that costs nothing but the offer. */
  offer(sha256: string, pieces: AsyncIterable<Bytes>): Promise<void>;
}

interface FileHash {
  readonly algorithm: 'SHA-256';
  readonly value: string;
}

type GetHandle = (
  hash: FileHash,
  options?: { readonly create: true; readonly origins: '*' },
) => Promise<FileSystemFileHandle>;

/** The proposal renamed its method; polyfills have either. */
export interface CrossOriginStorage {
  readonly getFileHandle?: GetHandle;
  readonly requestFileHandle?: GetHandle;
}

/** @returns undefined where the browser has no such storage */
export function findSharedFiles(
  storage = (globalThis.navigator as { crossOriginStorage?: CrossOriginStorage } | undefined)?.crossOriginStorage,
): SharedFiles | undefined {
  const method = storage?.getFileHandle ?? storage?.requestFileHandle;
  if (!storage || !method) return undefined;
  const getHandle = method.bind(storage) as GetHandle;
  const hashOf = (value: string): FileHash => ({ algorithm: 'SHA-256', value });
  return {
    async find(sha256, size) {
      try {
        const file = await (await getHandle(hashOf(sha256))).getFile();
        return file.size === size ? file : undefined;
      } catch {
        return undefined; // not there, not allowed, or hidden for privacy: all mean that it is downloaded
      }
    },
    async offer(sha256, pieces) {
      try {
        const handle = await getHandle(hashOf(sha256), { create: true, origins: '*' });
        const writable = await handle.createWritable();
        try {
          for await (const piece of pieces) await writable.write(piece);
          await writable.close();
        } catch (error) {
          await writable.abort().catch(() => {});
          throw error;
        }
      } catch (cause) {
        const isFull = cause instanceof Error && cause.name === 'QuotaExceededError';
        const message = `The file ${sha256} could not be offered to the storage that websites share: ${cause}`;
        throw new OutriderError(isFull ? 'storage_full' : 'storage_failed', message, { cause, details: { sha256 } });
      }
    },
  };
}
