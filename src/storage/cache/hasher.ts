/**
 * SHA-256 of whole files, piece by piece, which WebCrypto cannot do. In browsers in a worker of its own, so that hashing
 * overlaps with everything else, by WebAssembly of our own (sha256-module.ts); under Node by `node:crypto`.
 *
 * CPU seconds per GB in V8 on a 2-core machine without a GPU: hash-wasm 4.35, ours 2.45; node:crypto, with the
 * processor's own instructions, 0.66. WebAssembly is what a page's policy forbids without 'wasm-unsafe-eval' where the
 * worker inherits that policy (one started from a blob: does).
 */

import type { SerializedError } from '../../errors.ts';
import { OutriderError } from '../../errors.ts';
import type { Bytes } from './store.ts';

/** The hash of one file. Calls are in order; each waits for the one before. */
export interface FileHasher {
  /** Takes `bytes` away: their buffer may be transferred. Resolves when they have gone in, to the same bytes. */
  update(bytes: Bytes): Promise<Bytes>;
  /** @returns 64 lowercase hex digits; ends the hasher */
  digest(): Promise<string>;
  /** Ends a hasher whose digest is not wanted any more. */
  free(): void;
}

/** Makes hashers, as many at once as there are files under way. */
export interface HasherPool {
  create(): FileHasher;
  close(): void;
}

/** What the worker is asked; `file` tells the hashers apart. */
export type HashRequest =
  | { readonly do: 'update'; readonly file: number; readonly bytes: Bytes }
  | { readonly do: 'digest'; readonly file: number }
  | { readonly do: 'free'; readonly file: number };

/** Answers come in the order of the requests of one file; `free` has none. */
export type HashAnswer = {
  readonly file: number;
  /** Of an update, back again. */
  readonly bytes?: Bytes | undefined;
  readonly digest?: string | undefined;
  readonly error?: SerializedError | undefined;
};

/** The part of `Worker` that is used. */
export type HashWorker = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror'>;

/** A worker that somebody else starts, at the other end of `port`: what is sent before it is there waits in the port. */
export function hashWorkerAt(port: MessagePort): HashWorker {
  const worker: HashWorker = {
    postMessage: (message: unknown, transfer?: Transferable[] | StructuredSerializeOptions) =>
      port.postMessage(message, transfer as Transferable[]),
    terminate: () => port.close(),
    onmessage: null,
    onerror: null,
  };
  port.onmessage = (event) => worker.onmessage?.call(port as unknown as Worker, event);
  return worker;
}

/**
 * Hashers in a worker that runs hash-worker.ts; it is started with the first piece.
 * All calls reject with `worker_failed` where it cannot start, or where the policy of the page refuses WASM.
 */
export function createWorkerHashers(start: () => HashWorker): HasherPool {
  const waiting = new Map<number, { resolve(answer: HashAnswer): void; reject(error: unknown): void }[]>();
  let worker: HashWorker | undefined;
  let dead: OutriderError | undefined;
  let numFiles = 0;

  const fail = (error: OutriderError): void => {
    dead = error;
    for (const { reject } of [...waiting.values()].flat()) reject(error);
    waiting.clear();
  };
  const running = (): HashWorker => {
    if (worker) return worker;
    worker = start();
    worker.onmessage = ({ data }: MessageEvent<HashAnswer>) => {
      const next = waiting.get(data.file)?.shift();
      if (data.error) next?.reject(OutriderError.deserialize(data.error));
      else next?.resolve(data);
    };
    worker.onerror = (event) => {
      const message = `The worker that hashes files failed: ${event.message || 'it could not be started'}. Load again.`;
      fail(new OutriderError('worker_failed', message));
    };
    return worker;
  };
  const ask = (request: HashRequest, transfer: Transferable[] = []): Promise<HashAnswer> => {
    if (dead) return Promise.reject(dead);
    return new Promise((resolve, reject) => {
      waiting.set(request.file, [...(waiting.get(request.file) ?? []), { resolve, reject }]);
      running().postMessage(request, transfer);
    });
  };
  return {
    create() {
      const file = numFiles++;
      return {
        update: async (bytes) => (await ask({ do: 'update', file, bytes }, [bytes.buffer])).bytes!,
        digest: async () => (await ask({ do: 'digest', file })).digest!,
        free() {
          if (!dead) worker?.postMessage({ do: 'free', file } satisfies HashRequest);
        },
      };
    },
    close() {
      fail(new OutriderError('aborted', 'Hashing was stopped.'));
      worker?.terminate();
    },
  };
}

/** Hashers of Node's own. Only ever called under Node. */
export async function createNodeHashers(): Promise<HasherPool> {
  const { createHash } = await import('node:crypto');
  return {
    create() {
      const hash = createHash('sha256');
      const update = async (bytes: Bytes) => {
        hash.update(bytes);
        return bytes;
      };
      return { update, digest: async () => hash.digest('hex'), free() {} };
    },
    close() {},
  };
}
