/** The page's side: a `TextEngine` in front of a worker. */
import type { EngineEvent, EngineListener } from '../engine/events.ts';
import type { ModelFacts } from '../engine/facts.ts';
import type { LoadOptions } from '../engine/load.ts';
import type { LoadProgress } from '../engine/progress.ts';
import type {
  EncodedPrompt,
  GenerateOptions,
  GenerateRequest,
  GenerationEvent,
  Prompt,
  TextEngine,
  Vocabulary,
} from '../engine/request.ts';
import type { EngineStats } from '../engine/stats.ts';
import { abortError, OutriderError } from '../errors.ts';
import { abortable, linkSignals } from '../ports/abortable.ts';
import { Caller } from '../ports/calls.ts';
import { type Packed, unpackErrors } from '../ports/errors.ts';
import type { FromSender, ToSender } from '../ports/messages.ts';
import { receiveItems } from '../ports/stream.ts';
import { CONNECT, type ConnectMessage, type EngineCalls, type RemoteEngine, type RemoteModel } from './protocol.ts';
import { unpackVocabulary } from './vocabulary.ts';

/** What is used of a Worker. */
export type WorkerLike = Pick<Worker, 'postMessage' | 'addEventListener' | 'removeEventListener'>;

/** Load options that a worker can have. */
export type WorkerLoadOptions = Omit<LoadOptions, 'gpu'>;

/**
 * Loads a model in `worker`, which must run `serveEngines`.
 * @param model its source, or what reads it on `reader`
 * @param release called once, when the engine is unloaded or could not be loaded: the worker is not needed any more
 * @param readerFailed fires when whoever reads has died; matters until the model is loaded
 * @throws OutriderError: any code of loading, `worker_failed`, or `aborted` as soon as the signal fires
 */
export async function connectEngine(
  worker: WorkerLike,
  model: RemoteModel,
  { onProgress, signal, ...options }: WorkerLoadOptions,
  release: () => void,
  reader?: MessagePort,
  readerFailed?: AbortSignal,
): Promise<TextEngine> {
  const connection = new Connection<RemoteEngine>(worker, release);
  const port = connection.openPort<LoadProgress>((progress) => onProgress?.(progress));
  const stop = () => {
    port.stop();
    connection.close(abortError(signal!));
  };
  const fail = () => connection.close(readerFailed!.reason);
  try {
    readerFailed?.addEventListener('abort', fail);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    const facts = await connection.call((remote) =>
      reader
        ? remote.call('load', model, options, port.forWorker, reader)
        : remote.call('load', model, options, port.forWorker),
    );
    await port.ended; // the last progress comes before the engine
    return new WorkerEngine(connection, facts);
  } catch (error) {
    connection.close(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    readerFailed?.removeEventListener('abort', fail);
  }
}

/** An engine that is loaded at the other end of a connection. */
export class WorkerEngine implements TextEngine {
  readonly model: ModelFacts;
  readonly #connection: Connection<EngineCalls>;
  #unloading: Promise<void> | undefined;

  constructor(connection: Connection<EngineCalls>, model: ModelFacts) {
    this.#connection = connection;
    this.model = model;
  }

  async *generate(
    request: GenerateRequest,
    { signal, masks }: GenerateOptions = {},
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    signal?.throwIfAborted();
    const { port1, port2 } = new MessageChannel();
    const linked = linkSignals([signal, this.#connection.closed]);
    const events = receiveItems<GenerationEvent>(port1, linked.signal, linked.unlink);
    try {
      await abortable(
        this.#connection.call((remote) =>
          masks ? remote.call('generate', request, port2, masks) : remote.call('generate', request, port2),
        ),
        linked.signal,
      );
    } catch (error) {
      linked.unlink();
      for (const port of [port1, port2, masks]) port?.close(); // the second is still here where nothing was sent
      throw error;
    }
    yield* events;
  }

  encode(prompt: Prompt): Promise<EncodedPrompt> {
    return this.#connection.call((remote) => remote.call('encode', prompt));
  }

  decode(ids: readonly number[]): Promise<string> {
    return this.#connection.call((remote) => remote.call('decode', ids));
  }

  async vocabulary(): Promise<Vocabulary> {
    return unpackVocabulary(await this.#connection.call((remote) => remote.call('vocabulary')));
  }

  interrupt(): Promise<void> {
    return this.#connection.call((remote) => remote.call('interrupt'));
  }

  on(listener: EngineListener): () => void {
    const port = this.#connection.openPort<Packed>((event) => listener(unpackErrors<EngineEvent>(event)));
    this.#connection.call((remote) => remote.call('listen', port.forWorker)).catch(() => {}); // an unloaded engine is silent
    return () => port.stop();
  }

  stats(): Promise<EngineStats> {
    return this.#connection.call((remote) => remote.call('stats'));
  }

  unload(): Promise<void> {
    this.#unloading ??= this.#unload();
    return this.#unloading;
  }

  async #unload(): Promise<void> {
    try {
      await this.#connection.call((remote) => remote.call('unload'));
    } finally {
      this.#connection.close(
        new OutriderError('engine_unloaded', 'The engine was unloaded. Create another one to go on.'),
      );
    }
  }
}

/** A port of one call: what arrives on it, and a way to say that no more is wanted. */
export interface CallPort {
  /** The end to pass to the worker. */
  readonly forWorker: MessagePort;
  /** Nothing more arrives, and the worker ends the call. */
  stop(): void;
  /** Resolves when everything has arrived, if the worker ends the call. */
  readonly ended: Promise<void>;
}

/** The line to one engine in a worker; closed once, for one reason. */
export class Connection<Remote extends EngineCalls> {
  readonly #closed = new AbortController();
  readonly #worker: WorkerLike;
  readonly #port: MessagePort;
  readonly #remote: Caller<Remote>;
  readonly #release: () => void;
  readonly #callPorts = new Set<MessagePort>();

  constructor(worker: WorkerLike, release: () => void) {
    const { port1, port2 } = new MessageChannel();
    this.#worker = worker;
    this.#release = release;
    this.#port = port1;
    this.#remote = new Caller(port1);
    worker.addEventListener('error', this.#onError);
    worker.postMessage({ type: CONNECT, port: port2 } satisfies ConnectMessage, [port2]);
  }

  /** Fires when the engine is gone; its reason is what every call gets. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Settles like the call, or rejects when the connection closes: a dead worker does not answer. */
  async call<T>(call: (remote: Caller<Remote>) => Promise<T>): Promise<T> {
    this.closed.throwIfAborted();
    try {
      return await abortable(call(this.#remote), this.closed);
    } catch (error) {
      if ((error as DOMException)?.name !== 'DataCloneError') throw error;
      const message = `The request cannot be sent to the worker: ${(error as DOMException).message} Use plain data.`;
      throw new OutriderError('invalid_request', message, { cause: error });
    }
  }

  openPort<T>(onItem: (item: T) => void): CallPort {
    const { port1, port2 } = new MessageChannel();
    let stopped = false;
    this.#callPorts.add(port1);
    const ended = new Promise<void>((resolve) => {
      port1.onmessage = ({ data }: MessageEvent<FromSender<T>>) => {
        if (data.type === 'item') {
          if (!stopped) onItem(data.item);
          return;
        }
        port1.close();
        this.#callPorts.delete(port1);
        resolve();
      };
    });
    return {
      ended,
      forWorker: port2,
      stop: () => {
        stopped = true;
        port1.postMessage({ type: 'stop' } satisfies ToSender);
      },
    };
  }

  close(reason: unknown): void {
    if (this.closed.aborted) return;
    this.#closed.abort(reason);
    this.#worker.removeEventListener('error', this.#onError);
    for (const port of [this.#port, ...this.#callPorts]) port.close();
    this.#callPorts.clear();
    this.#release();
  }

  readonly #onError = (event: ErrorEvent) => {
    const what = event.message || 'its script could not be loaded; a Content-Security-Policy without blob: forbids it';
    this.close(
      new OutriderError(
        'worker_failed',
        `The engine's Worker failed: ${what}. Pass a Worker of your own (\`worker\`), or \`worker: false\`.`,
      ),
    );
  };
}
