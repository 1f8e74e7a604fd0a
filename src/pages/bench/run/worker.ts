/** Measures in a thread of its own, so that the page stays alive: the oracles compute for seconds. */
import type { BenchRequest } from '../../../bench/results.ts';
import { runBench } from '../../../bench/run.ts';
import { openBrowserCache } from '../../../loader/browser-cache.ts';
import { openReader } from '../../../loader/host.ts';
import type { LoaderServices } from '../../../loader/services.ts';
import type { ModelReader } from '../../../model/reader.ts';
import { Caller } from '../../../ports/calls.ts';
import { toWireError } from '../../../ports/errors.ts';
import { openWebSource } from '../../../storage/open.ts';
import type { WireEvent, WireRequest } from './protocol.ts';

const tell = (event: WireEvent): void => postMessage(event);

addEventListener(
  'message',
  ({ data: { model, services, ...extent } }: MessageEvent<WireRequest>) => {
    const request: BenchRequest = {
      ...extent,
      model: model === undefined ? undefined : () => openModel(model, services),
      signal: new AbortController().signal, // nobody aborts: the page ends this worker
      onProgress: (progress) => tell({ kind: 'progress', progress }),
      onResults: (results) => tell({ kind: 'results', results }),
    };
    runBench(navigator.gpu, request).then(
      (results) => tell({ kind: 'done', results }),
      (error) => tell({ kind: 'failed', error: toWireError(error) }),
    );
  },
  { once: true },
);

/** From the browser's storage as far as it is there. Without what only Node has: this worker is one file. */
function openModel(address: string, port: MessagePort): Promise<ModelReader> {
  const remote = new Caller<LoaderServices>(port);
  const listRepository: LoaderServices['listRepository'] = (location, { token }) =>
    remote.call('listRepository', location, { token });
  const cache = openBrowserCache({ startHashWorker: (to) => remote.call('startHashWorker', to), listRepository });
  const open: typeof openWebSource = (location, options) => openWebSource(location, { ...options, listRepository });
  return openReader(address, { cache: 'if-room' }, open, cache);
}
