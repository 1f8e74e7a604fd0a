/** From a source and options to the engine that the tabs of this origin share, with the browser's own workers. */
import type { ReaderOptions, RemoteLocation } from '../../loader/host.ts';
import type { WorkerLoadOptions } from '../client.ts';
import { type JoinedEngine, joinEngine, type PageReading } from './client.ts';

export interface SharedRequest {
  readonly source: RemoteLocation;
  /** Becomes the model's id. */
  readonly name: string;
  readonly reading: ReaderOptions;
}

/**
 * @param own the app's SharedWorker, left running; undefined: the library's
 * @returns why, in words, where the engine cannot be shared here
 * @throws what `joinEngine` throws
 */
export async function openShared(
  { source, name, reading }: SharedRequest,
  load: WorkerLoadOptions,
  own: SharedWorker | undefined,
): Promise<JoinedEngine> {
  if (typeof SharedWorker === 'undefined') return { missing: 'this browser has no SharedWorkers' };
  if (!globalThis.navigator?.locks) return { missing: 'this page is not on a secure origin (https:// or localhost)' };
  const { onProgress, signal, ...options } = load;
  const model = { name, key: keyOf([source, name, { ...reading, token: undefined }, options]) };
  if (own) return joinEngine(own, model, load, new LoaderReading(source, reading), () => {});
  let isBroken = false;
  try {
    const worker = startSharedWorker();
    worker.addEventListener('error', () => {
      isBroken = true;
    });
    const release = () => worker.port.close();
    return await joinEngine(worker, model, load, new LoaderReading(source, reading), release);
  } catch (error) {
    if (isBroken) return { missing: 'the script of the SharedWorker could not be loaded' };
    if (error instanceof DOMException) return { missing: `the SharedWorker could not be started: ${error.message}` };
    throw error;
  }
}

/** Bundlers find the module by this very expression. */
const startSharedWorker = () =>
  new SharedWorker(new URL('../worker.ts', import.meta.url), { type: 'module', name: 'outrider' });

/** In a loader worker of this page, which is started when this page is the one that reads. */
class LoaderReading implements PageReading {
  readonly #source: RemoteLocation;
  readonly #options: ReaderOptions;
  readonly #closed = new AbortController();

  constructor(source: RemoteLocation, options: ReaderOptions) {
    this.#source = source;
    this.#options = options;
  }

  async open(port: MessagePort) {
    const { LoaderClient } = await import('../../loader/client.ts');
    this.#closed.signal.throwIfAborted();
    const loader = new LoaderClient();
    this.#closed.signal.addEventListener('abort', () => loader.terminate(), { once: true });
    const label = await loader.call('open', this.#source, this.#options, port);
    return { label, life: await loader.life };
  }

  close(): void {
    this.#closed.abort();
  }
}

/** The same for equal data, whatever the order of its fields; files are told apart by path, size and time. */
function keyOf(value: unknown): string {
  return JSON.stringify(value, (_name, field: unknown) => {
    if (field instanceof File) return [field.name, field.size, field.lastModified];
    const isObject = typeof field === 'object' && field !== null && !Array.isArray(field);
    return isObject ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1))) : field;
  });
}
