/**
 * Writing to disk in a thread of its own: `write()` and `flush()` stop their thread for as long as they take, and in the
 * loader's own everything that arrives meanwhile would wait.
 */
import { allocatePart, recyclePart } from '../parts.ts';
import type { Bytes } from './store.ts';
import type { SyncFileHandle } from './sync-handle.ts';

/** What the worker is asked; `id` tells files apart. */
export type WriteRequest = { readonly id: number } & (
  | { readonly do: 'open'; readonly file: SyncFileHandle }
  | { readonly do: 'write'; readonly bytes: Bytes; readonly at: number }
  | { readonly do: 'flush' }
  | { readonly do: 'close' }
);

/** One for each request, in their order. */
export interface WriteAnswer {
  readonly id: number;
  /** What the handle's `write()` answered. */
  readonly written?: number;
  /** Of a write, back again. */
  readonly bytes?: Bytes;
  /** As the browser threw it. */
  readonly error?: unknown;
}

/** The part of `Worker` that is used. */
export type WriteWorker = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror'>;

export interface WrittenFile {
  /** Resolves to what the handle's `write()` answered. Rejects as the browser does. */
  write(bytes: Bytes, at: number): Promise<number>;
  /** Resolves when all that was written before is on the disk. */
  flush(): Promise<void>;
  close(): void;
}

export interface Writer {
  open(file: SyncFileHandle): Promise<WrittenFile>;
  /** Resolves when all that was asked for is done: files that were closed are. */
  settled(): Promise<void>;
}

/** @param start starts write-worker.ts; it runs while files are open */
export function createWriter(start: () => WriteWorker): Writer {
  let worker: WriteWorker | undefined;
  let waiting: { resolve(answer: WriteAnswer): void; reject(error: unknown): void } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let [numFiles, numOpen] = [0, 0];

  const running = (): WriteWorker => {
    if (worker) return worker;
    const started = start();
    started.onmessage = ({ data }: MessageEvent<WriteAnswer>) => {
      if ('error' in data) waiting?.reject(data.error);
      else waiting?.resolve(data);
    };
    started.onerror = (event) => waiting?.reject(new Error(`the worker that writes failed: ${event.message}`));
    worker = started;
    return started;
  };
  /** One at a time: the disk takes them so, and one copy of a part is enough. */
  const ask = (make: () => WriteRequest): Promise<WriteAnswer> => {
    const asked = last.then(async () => {
      const request = make();
      const answer = new Promise<WriteAnswer>((resolve, reject) => {
        waiting = { resolve, reject };
      });
      running().postMessage(request, request.do === 'write' ? [request.bytes.buffer] : []);
      return answer;
    });
    last = asked.catch(() => {});
    return asked;
  };
  return {
    async open(file) {
      const id = numFiles++;
      numOpen++;
      const close = (): void => {
        const closed = ask(() => ({ do: 'close', id })).catch(() => {});
        last = closed.then(() => {
          if (--numOpen > 0) return;
          worker?.terminate();
          worker = undefined;
        });
      };
      try {
        await ask(() => ({ do: 'open', id, file }));
      } catch (error) {
        close();
        throw error;
      }
      return {
        async write(bytes, at) {
          const { written, bytes: copy } = await ask(() => {
            const copied = allocatePart(bytes.length); // the caller goes on using its own
            copied.set(bytes);
            return { do: 'write', id, bytes: copied, at };
          });
          recyclePart(copy!.buffer);
          return written!;
        },
        flush: async () => void (await ask(() => ({ do: 'flush', id }))),
        close,
      };
    },
    settled: async () => void (await last),
  };
}
