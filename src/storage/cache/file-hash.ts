/**
 * The SHA-256 of one file while it is being stored: follows the parts in file order, each read back from the disk as soon
 * as it is there, so that it holds one part at a time, goes on at its own pace, and starts over from the disk after a
 * crash. Parts that are not stored (a full disk) can be supplied from memory when it is their turn.
 */
import { recyclePart } from '../parts.ts';
import type { FileHasher } from './hasher.ts';
import type { Bytes } from './store.ts';

export interface FileHash {
  /** Of the whole file, 64 hex digits. Rejects where a part cannot be read, the hasher fails, or after `stop`. */
  readonly digest: Promise<string>;
  /** Parts that have gone in so far. */
  readonly done: number;
  /** Parts that could go in now, at most `most`. */
  backlog(most: number): number;
  /** Says that more parts may be on disk now. */
  wake(): void;
  /**
   * Offers a part that is not stored; its bytes are taken away if they are used.
   * @returns whether it went in (or had before); false where an earlier part is missing
   */
  supply(part: number, bytes: Bytes): Promise<boolean>;
  stop(reason: unknown): void;
}

export interface FileHashOptions {
  readonly numParts: number;
  readonly hasher: FileHasher;
  readonly isStored: (part: number) => boolean;
  /** The bytes as they are on disk, right or wrong. */
  readonly readStored: (part: number) => Promise<Bytes>;
}

export function startFileHash({ numParts, hasher, isStored, readStored }: FileHashOptions): FileHash {
  let next = 0;
  let stopped: { reason: unknown } | undefined;
  let supplied: Bytes | undefined;
  let wakeUp = (): void => {};
  let sleep = nextWake();
  const listeners = new Set<() => void>();

  function nextWake(): Promise<void> {
    return new Promise((resolve) => {
      wakeUp = resolve;
    });
  }
  const wake = (): void => {
    const wakeNow = wakeUp;
    sleep = nextWake();
    wakeNow();
  };
  const tellSuppliers = (): void => {
    for (const listener of listeners) listener();
    listeners.clear();
  };
  const run = async (): Promise<string> => {
    while (next < numParts) {
      if (stopped) throw stopped.reason;
      const bytes = supplied ?? (isStored(next) ? await readStored(next) : undefined);
      if (bytes === undefined) {
        tellSuppliers();
        await sleep;
        continue;
      }
      supplied = undefined;
      recyclePart((await hasher.update(bytes)).buffer);
      next++;
      tellSuppliers();
    }
    return hasher.digest();
  };
  const digest = run().catch((error) => {
    stopped ??= { reason: error };
    hasher.free();
    tellSuppliers();
    throw error;
  });
  digest.catch(() => {}); // whoever waits for it hears of it; nobody may be waiting yet
  return {
    digest,
    get done() {
      return next;
    },
    backlog(most) {
      let parts = 0;
      while (!stopped && parts < most && next + parts < numParts && isStored(next + parts)) parts++;
      return parts;
    },
    wake,
    async supply(part, bytes) {
      while (!stopped && next < part && (isStored(next) || supplied))
        await new Promise<void>((done) => listeners.add(done));
      if (stopped || next !== part || supplied) return next > part;
      supplied = bytes;
      wake();
      while (!stopped && next === part) await new Promise<void>((done) => listeners.add(done));
      return next > part;
    },
    stop(reason) {
      stopped ??= { reason };
      wake();
    },
  };
}
