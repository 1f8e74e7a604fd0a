/** The hash worker, WASM inside; loaded for sources that promise SHA-256s. */
import HashWorker from '../storage/cache/hash-worker.ts?worker&inline';

export const createHashWorker = (): Worker => new HashWorker({ name: 'outrider-hash' });
