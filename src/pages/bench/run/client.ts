/** The page's side of the worker that measures. */
import type { BenchResults } from '../../../bench/results.ts';
import { OutriderError } from '../../../errors.ts';
import { createServices } from '../../../loader/services.ts';
import { answerCalls } from '../../../ports/calls.ts';
import { fromWireError } from '../../../ports/errors.ts';
import type { RunRequest, WireEvent, WireRequest } from './protocol.ts';

/**
 * Runs the benchmark in a worker. Aborting ends the worker at once, and with it everything on the GPU.
 * @throws the signal's reason; OutriderError of the run, `worker_failed` where the worker cannot start or dies
 */
export function runInWorker({ signal, onProgress, onResults, ...request }: RunRequest): Promise<BenchResults> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'outrider bench' });
  const workers = [worker];
  const services = new MessageChannel();
  answerCalls(
    services.port1,
    createServices((hashWorker) => workers.push(hashWorker)),
  );
  const run = new Promise<BenchResults>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    worker.addEventListener('error', (event) => {
      const why = event.message || 'the browser does not say why';
      reject(new OutriderError('worker_failed', `The worker that measures failed: ${why}. Reload the page.`));
    });
    worker.addEventListener('message', ({ data }: MessageEvent<WireEvent>) => {
      if (data.kind === 'progress') onProgress(data.progress);
      else if (data.kind === 'results') onResults(data.results);
      else if (data.kind === 'done') resolve(data.results);
      else reject(fromWireError(data.error));
    });
  });
  worker.postMessage({ ...request, services: services.port2 } satisfies WireRequest, [services.port2]);
  return run.finally(() => {
    for (const each of workers) each.terminate();
    services.port1.close();
  });
}
