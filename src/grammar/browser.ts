/** The grammar worker; loaded with the first grammar. */
import { OutriderError } from '../errors.ts';
import { Caller } from '../ports/calls.ts';
import type { GrammarHost, MaskServer } from './masks.ts';
import GrammarWorker from './worker.ts?worker&inline';

/** @throws OutriderError `worker_failed`, also later through `failed` */
export function startHost(): GrammarHost {
  const worker = new GrammarWorker({ name: 'outrider-grammar' });
  const { port1, port2 } = new MessageChannel();
  const failed = new Promise<never>((_, reject) => {
    worker.onerror = ({ message }) => {
      const text = `The grammar worker failed: ${message || 'it could not be started'}. Allow blob: in worker-src.`;
      reject(new OutriderError('worker_failed', text));
    };
  });
  failed.catch(() => {}); // told to whoever waits
  worker.postMessage(port2, [port2]);
  const caller = new Caller<MaskServer>(port1);
  return {
    prepare: (vocabulary) => Promise.race([failed, caller.call('prepare', vocabulary)]),
    serve: (...args) => Promise.race([failed, caller.call('serve', ...args)]),
    close() {
      port1.close();
      worker.terminate();
    },
  };
}
