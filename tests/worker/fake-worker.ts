/** A Worker made of a MessageChannel: the same messages, in one thread. */

import { engineOver } from '../../src/api/engine.ts';
import { createTextEngine } from '../../src/engine/create.ts';
import { serveReader } from '../../src/loader/serve.ts';
import { connectEngine, type WorkerLoadOptions } from '../../src/worker/client.ts';
import { answerPage, type EngineFactory } from '../../src/worker/host.ts';
import { type HostScope, onConnect } from '../../src/worker/protocol.ts';
import { byteSource, type FakeModel, readerOf } from '../engine/fake-model.ts';

export interface FakeWorker {
  readonly worker: Worker;
  /** Dispatches an `error` event, as a worker does whose script fails. */
  fail(message: string): void;
  terminate(): void;
}

export function fakeWorker(createEngine: EngineFactory): FakeWorker {
  const { port1, port2 } = new MessageChannel();
  onConnect(port2 as unknown as HostScope, (port) => answerPage(port, createEngine));
  port2.start();
  port1.start();
  return {
    worker: port1 as unknown as Worker,
    fail: (message) => port1.dispatchEvent(Object.assign(new Event('error'), { message })),
    terminate: () => port1.close(),
  };
}

/** The port of a reader of the fake model's texts, as the loader's worker hands it out. */
export function servedReader(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  serveReader(port1, readerOf(byteSource));
  return port2;
}

/** An engine behind a worker, over `model`. */
export const createRemoteEngine = async (model: FakeModel, options: WorkerLoadOptions = {}) =>
  engineOver(await createRemoteTextEngine(model, options));

/** A text engine behind a worker, over `model`. */
export async function createRemoteTextEngine(model: FakeModel, options: WorkerLoadOptions = {}) {
  const fake = fakeWorker((reader, name, load) => createTextEngine(reader, name, load, model.load));
  return connectEngine(fake.worker, { name: 'bytes', label: 'bytes' }, options, fake.terminate, servedReader());
}
