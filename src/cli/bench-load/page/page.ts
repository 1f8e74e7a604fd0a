/**
 * A load as the library does it: a loader worker reads, an engine's worker uploads, pieces cross between them by transfer.
 * `prepareStage` does everything before the first byte of weights; `runStage` is what is timed.
 */

import type { RemoteLoader } from '../../../loader/host.ts';
import { Caller } from '../../../ports/calls.ts';
import { SOLO_STAGES, STAGE_FACTS, type StageRequest, type WorkDone } from '../types.ts';
import type { EngineCalls } from './engine-worker.ts';
import type { LoaderSetup } from './loader-worker.ts';
import type { SoloCalls } from './solo-worker.ts';

declare global {
  interface Window {
    prepareStage(request: StageRequest): Promise<void>;
    runStage(): Promise<WorkDone>;
  }
}

interface Prepared {
  call(method: 'run'): Promise<WorkDone>;
}

let prepared: Prepared;

window.prepareStage = async (request) => {
  prepared = await prepare(request);
};
window.runStage = () => prepared.call('run');

async function prepare(request: StageRequest): Promise<Prepared> {
  const { stage } = request;
  if (SOLO_STAGES.includes(stage)) {
    const solo = connect<SoloCalls>(new Worker(new URL('./solo-worker.ts', import.meta.url), { type: 'module' }));
    await solo.call('prepare', request);
    return solo;
  }
  const engine = connect<EngineCalls>(new Worker(new URL('./engine-worker.ts', import.meta.url), { type: 'module' }));
  if (stage === 'upload') await engine.call('prepareFromMemory', request.url);
  else {
    const { port1, port2 } = new MessageChannel();
    await engine.call('prepare', await openRemotely(request, port2), port1);
  }
  return engine;
}

/** A reader in a loader worker, at the other end of `port`. */
function openRemotely({ url, files, stage }: StageRequest, port: MessagePort): Promise<string> {
  const worker = new Worker(new URL('./loader-worker.ts', import.meta.url), { type: 'module' });
  const loader = connect<RemoteLoader, Omit<LoaderSetup, 'port'>>(worker, { files });
  return loader.call('open', url, { cache: STAGE_FACTS[stage].cached }, port);
}

/** A worker that answers calls at the port that it is sent first. */
function connect<Calls, Setup = object>(worker: Worker, setup?: Setup): Caller<Calls> {
  const { port1, port2 } = new MessageChannel();
  worker.addEventListener('error', (event) => {
    throw new Error(`${event.filename}: ${event.message}`);
  });
  worker.postMessage({ ...setup, port: port2 }, [port2]);
  return new Caller<Calls>(port1);
}
