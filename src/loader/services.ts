/**
 * What the loader asks of whoever started it: chunks that few models need. A worker from a Blob has no URL by which it could
 * find them itself.
 */
import type { HubOptions, Repository } from '../storage/hub.ts';

export interface LoaderServices {
  /** Starts a hash worker that answers on `port`. Throws `worker_failed`. */
  startHashWorker(port: MessagePort): Promise<void>;
  /** Resolves `hf:owner/name[@revision]` to a commit and its files. */
  listRepository(location: string, options: Pick<HubOptions, 'token'>): Promise<Repository>;
}

/** Of the thread that calls. @param onWorker is told each worker, to end it */
export function createServices(onWorker: (worker: Worker) => void): LoaderServices {
  return {
    async startHashWorker(port) {
      const { createHashWorker } = await import('./hash.ts');
      const worker = createHashWorker();
      onWorker(worker);
      worker.postMessage(port, [port]);
    },
    listRepository: async (location, options) => (await import('../storage/hub.ts')).listRepository(location, options),
  };
}
