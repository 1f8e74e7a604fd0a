/** The page's side of the loader worker. Loaded when the first model is opened. */
import { abortError, OutriderError } from '../errors.ts';
import { abortable } from '../ports/abortable.ts';
import { answerCalls, Caller } from '../ports/calls.ts';
import { nameLife, whenGone } from '../ports/life.ts';
import type { LoaderPorts } from './entry.ts';
import LoaderWorker from './entry.ts?worker&inline';
import type { ReaderOptions, RemoteLoader, RemoteLocation } from './host.ts';
import { createServices } from './services.ts';

/** A loader worker and the calls to it. */
export class LoaderClient {
  readonly #worker: Worker;
  readonly #remote: Caller<RemoteLoader>;
  readonly #port: MessagePort;
  readonly #services = new MessageChannel();
  readonly #hashWorkers: Worker[] = [];
  readonly #failed = new AbortController();
  readonly #terminated = new AbortController();
  /** The name of the lock that the worker holds as long as it lives, once it holds it. */
  readonly life: Promise<string>;

  /** Throws `worker_failed` where the page may not start it. */
  constructor() {
    const { port1, port2 } = new MessageChannel();
    try {
      this.#worker = new LoaderWorker({ name: 'outrider-loader' });
    } catch (cause) {
      throw failure(String(cause), cause);
    }
    this.#port = port1;
    this.#remote = new Caller(port1);
    this.#worker.addEventListener('error', (event) =>
      this.#failed.abort(
        failure(event.message || 'its script could not be loaded; a Content-Security-Policy without blob: forbids it'),
      ),
    );
    answerCalls(
      this.#services.port1,
      createServices((worker) => this.#hashWorkers.push(worker)),
    );
    const life = nameLife('loader');
    this.life = new Promise((resolve) =>
      this.#worker.addEventListener(
        'message',
        () => {
          this.#hearOfEnd(life);
          resolve(life);
        },
        { once: true },
      ),
    );
    const ports: LoaderPorts = { calls: port2, services: this.#services.port2, life };
    this.#worker.postMessage(ports, [ports.calls, ports.services]);
  }

  /** The lock is ours when the worker is gone: crashed, out of memory, or ended by the browser. */
  #hearOfEnd(life: string): void {
    const gone = () => this.#failed.abort(failure('it ended before its work was done'));
    whenGone(life, this.#terminated.signal, gone, navigator.locks);
  }

  /** Fires when the worker has died; its reason says why. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Rejects with `worker_failed` where the worker dies. */
  call: Caller<RemoteLoader>['call'] = (method, ...args) =>
    abortable(this.#remote.call(method, ...args), this.failed) as never;

  terminate(): void {
    this.#terminated.abort();
    this.#port.close();
    this.#services.port1.close();
    for (const worker of [this.#worker, ...this.#hashWorkers]) worker.terminate();
  }
}

/**
 * Opens a model in a loader worker of its own.
 * @returns the worker, what the reader calls itself, and the port that leads to it (port.ts)
 * @throws OutriderError `worker_failed`, `aborted`, and what opening throws; the worker is ended then
 */
export async function openInLoader(
  source: RemoteLocation,
  options: ReaderOptions,
  signal: AbortSignal | undefined,
): Promise<{ readonly loader: LoaderClient; readonly label: string; readonly port: MessagePort }> {
  const loader = new LoaderClient();
  try {
    const { port1, port2 } = new MessageChannel();
    const opening = loader.call('open', source, options, port1);
    return { loader, label: await (signal ? abortable(opening, signal) : opening), port: port2 };
  } catch (error) {
    loader.terminate();
    throw signal?.aborted ? abortError(signal) : error;
  }
}

function failure(what: string, cause?: unknown): OutriderError {
  return new OutriderError(
    'worker_failed',
    `The loader's Worker failed: ${what}. Load again; a page that forbids blob: workers (worker-src) needs a Worker of its own.`,
    { cause },
  );
}
