/** The page's side of an engine in a SharedWorker. Loaded when one is asked for. */
import type { LoadProgress } from '../../engine/progress.ts';
import type { TextEngine } from '../../engine/request.ts';
import { abortError, OutriderError } from '../../errors.ts';
import { abortable } from '../../ports/abortable.ts';
import { answerCalls } from '../../ports/calls.ts';
import { holdLife, type LockRequester, nameLife, whenGone } from '../../ports/life.ts';
import { Connection, WorkerEngine, type WorkerLike, type WorkerLoadOptions } from '../client.ts';
import type { ReadingTab, RemoteTab, SharedModel } from './protocol.ts';

/** What is used of a SharedWorker. */
export type SharedWorkerLike = Pick<SharedWorker, 'port' | 'addEventListener' | 'removeEventListener'>;

/** Reads the model when this page is asked to. */
export interface PageReading extends ReadingTab {
  /** Ends the loader worker, if one was started. */
  close(): void;
}

/** The engine, or why there cannot be one in a SharedWorker, in words. */
export type JoinedEngine = { readonly engine: TextEngine } | { readonly missing: string };

/**
 * Takes part in the engine that the tabs of this origin share, in `worker`, which must run `answerTabs`.
 * @param release called once, when the engine is unloaded or could not be loaded
 * @throws OutriderError: any code of loading, `worker_failed`, or `aborted` as soon as the signal fires
 */
export async function joinEngine(
  worker: SharedWorkerLike,
  model: SharedModel,
  { onProgress, signal, ...options }: WorkerLoadOptions,
  reading: PageReading,
  release: () => void,
  locks: LockRequester = navigator.locks,
): Promise<JoinedEngine> {
  worker.port.start();
  const connection = new Connection<RemoteTab>(lineTo(worker), () => {
    reading.close();
    release();
  });
  const stopWatching = leaveWithPage(connection);
  connection.closed.addEventListener('abort', stopWatching, { once: true });
  const progress = connection.openPort<LoadProgress>((item) => onProgress?.(item));
  const stop = () => {
    progress.stop();
    connection.close(abortError(signal!));
  };
  try {
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    const { missing, life } = await connection.call((remote) => remote.call('probe', options.powerPreference));
    if (missing !== undefined) {
      connection.close(workerGone());
      return { missing };
    }
    whenGone(life, connection.closed, () => connection.close(workerGone()), locks);
    const facts = await join(connection, model, options, progress.forWorker, reading, locks);
    await abortable(progress.ended, connection.closed); // the last progress comes before the engine
    return { engine: new WorkerEngine(connection, facts) };
  } catch (error) {
    connection.close(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

async function join(
  connection: Connection<RemoteTab>,
  model: SharedModel,
  options: Omit<WorkerLoadOptions, 'onProgress' | 'signal'>,
  progress: MessagePort,
  reading: ReadingTab,
  locks: LockRequester,
) {
  const life = nameLife('tab');
  const letGo = await holdLife(life, locks);
  const { port1, port2 } = new MessageChannel();
  answerCalls(port1, reading);
  const end = () => {
    letGo();
    port1.close();
  };
  if (connection.closed.aborted) end();
  else connection.closed.addEventListener('abort', end, { once: true });
  return connection.call((remote) => remote.call('join', model, options, life, progress, port2));
}

/** Messages go over the worker's port; that its script failed is told by the worker itself. */
function lineTo(worker: SharedWorkerLike): WorkerLike {
  return {
    postMessage: worker.port.postMessage.bind(worker.port) as WorkerLike['postMessage'],
    addEventListener: worker.addEventListener.bind(worker) as WorkerLike['addEventListener'],
    removeEventListener: worker.removeEventListener.bind(worker) as WorkerLike['removeEventListener'],
  };
}

/** A page that the browser keeps for "back" has lost its lock, and with it its part in the engine. @returns what ends the watch */
function leaveWithPage(connection: Connection<RemoteTab>): () => void {
  const onHide = ({ persisted }: PageTransitionEvent) => {
    const message = 'The browser has set this page aside, and its engine with it. Create another one to go on.';
    if (persisted) connection.close(new OutriderError('engine_unloaded', message));
  };
  globalThis.addEventListener?.('pagehide', onHide);
  return () => globalThis.removeEventListener?.('pagehide', onHide);
}

function workerGone(): OutriderError {
  return new OutriderError(
    'worker_failed',
    'The SharedWorker with the engine has died; the browser may have been short of memory. Create the engine again.',
  );
}
