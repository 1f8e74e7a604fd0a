/** Gives the test `run`, which does one thing in a worker of its own, as the loader does. */
import { persistStorage } from '../../../src/storage/cache/persist.ts';
import type { Answer, Request } from './worker.ts';

declare global {
  interface Window {
    run(request: Request): Promise<Answer>;
    persist(): Promise<string>;
    /** Bytes of the load under way, for a test that closes the page in the middle. */
    loadedBytes: number;
  }
}

window.loadedBytes = 0;
window.persist = () => persistStorage(500); // a window's right alone
window.run = (request) => {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }: MessageEvent<Answer | { readonly loaded: number }>) => {
      if ('loaded' in data) window.loadedBytes = data.loaded;
      else resolve(data);
    };
    worker.postMessage(request);
  });
};
