/**
 * Who may do what to a stored model, across tabs and workers of an origin, by Web Locks; a lock goes with the context that
 * holds it, so a crashed tab blocks nobody.
 *
 * | lock | shared by | exclusive for |
 * |---|---|---|
 * | `outrider:use:<id>` | whoever loads or uses the model | delete and update, which do not wait: `model_in_use` |
 * | `outrider:download:<id>` | | the one context that writes: the others wait, and go on where it stopped |
 */
import { abortError, OutriderError } from '../../errors.ts';
import { throwIfAborted } from '../source.ts';

/** What the tab that downloads tells those that wait. */
export interface DownloadProgress {
  /** Bytes stored, of those known to be needed. */
  readonly loaded: number;
  readonly total: number;
}

export interface CacheLocks {
  /** Shared: keeps the model from being deleted. Waits only while it is being deleted. */
  use(id: string, signal?: AbortSignal): Promise<Lock>;
  /** Exclusive: the right to write. Waits while another context has it; `onProgress` then tells how far that one is. */
  download(id: string, options?: WaitOptions): Promise<DownloadLock>;
  /** The same without waiting; undefined where another context has it. */
  tryDownload(id: string): Promise<DownloadLock | undefined>;
  /** Exclusive use, for deleting. Rejects with `model_in_use` where anyone uses or downloads the model. */
  own(id: string): Promise<Lock>;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

export interface Lock {
  /** Resolves once others can have it. May be called more than once. */
  release(): Promise<void>;
}

export interface DownloadLock extends Lock {
  /** Tells the contexts that wait. */
  announce(progress: DownloadProgress): void;
}

/** The parts of the platform that are used. */
export type LockRequester = Pick<LockManager, 'request'>;
export type Channel = Pick<BroadcastChannel, 'postMessage' | 'close' | 'onmessage'>;

export interface Platform {
  readonly locks: LockRequester;
  readonly openChannel: (name: string) => Channel;
}

const useName = (id: string): string => `outrider:use:${id}`;
const downloadName = (id: string): string => `outrider:download:${id}`;

/** By default over `navigator.locks` and `BroadcastChannel`; secure origins have both. */
export function createLocks(platform: Platform = browserPlatform()): CacheLocks {
  const { locks, openChannel } = platform;
  const asDownload = (id: string, lock: Lock): DownloadLock => {
    const channel = openChannel(downloadName(id));
    return {
      announce: (progress) => channel.postMessage(progress),
      release() {
        channel.close();
        return lock.release();
      },
    };
  };
  return {
    use: async (id, signal) => (await hold(locks, useName(id), { mode: 'shared' }, signal))!,
    async download(id, { signal, onProgress } = {}) {
      const channel = openChannel(downloadName(id));
      channel.onmessage = ({ data }: MessageEvent<DownloadProgress>) => onProgress?.(data);
      try {
        return asDownload(id, (await hold(locks, downloadName(id), { mode: 'exclusive' }, signal))!);
      } finally {
        channel.close();
      }
    },
    async tryDownload(id) {
      const lock = await hold(locks, downloadName(id), { mode: 'exclusive', ifAvailable: true });
      return lock && asDownload(id, lock);
    },
    async own(id) {
      const lock = await hold(locks, useName(id), { mode: 'exclusive', ifAvailable: true });
      if (lock) return lock;
      throw new OutriderError(
        'model_in_use',
        `${id} is being loaded or used, here or in another tab. Unload it, or close that tab, and try again.`,
        { details: { id } },
      );
    },
  };
}

function browserPlatform(): Platform {
  return { locks: navigator.locks, openChannel: (name) => new BroadcastChannel(name) };
}

/** Resolves once the lock is held (undefined: `ifAvailable` and it is not), and holds it until `release`. */
function hold(
  locks: LockRequester,
  name: string,
  options: LockOptions,
  signal?: AbortSignal,
): Promise<Lock | undefined> {
  throwIfAborted(signal);
  return new Promise((resolve, reject) => {
    const whileHeld = (lock: unknown): Promise<void> | undefined => {
      if (!lock) return void resolve(undefined);
      return new Promise<void>((letGo) => {
        const release = (): Promise<void> => {
          letGo();
          return held;
        };
        resolve({ release });
      });
    };
    const held = locks.request(name, signal ? { ...options, signal } : options, whileHeld);
    held.catch((error) => reject(signal?.aborted ? abortError(signal) : error));
  });
}
