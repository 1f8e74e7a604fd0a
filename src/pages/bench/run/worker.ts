/** Measures in a thread of its own, so that the page stays alive: the oracles compute for seconds. */
import { runBench } from '../../../bench/run.ts';
import { toWireError } from '../../../ports/errors.ts';
import type { WireEvent, WireRequest } from './protocol.ts';

const tell = (event: WireEvent): void => postMessage(event);

addEventListener('message', ({ data }: MessageEvent<WireRequest>) => {
  const request = {
    ...data,
    signal: new AbortController().signal, // nobody aborts: the page ends this worker
    onProgress: (progress: (WireEvent & { kind: 'progress' })['progress']) => tell({ kind: 'progress', progress }),
    onResults: (results: (WireEvent & { kind: 'results' })['results']) => tell({ kind: 'results', results }),
  };
  runBench(navigator.gpu, request).then(
    (results) => tell({ kind: 'done', results }),
    (error) => tell({ kind: 'failed', error: toWireError(error) }),
  );
});
