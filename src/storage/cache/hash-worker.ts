/** The worker behind `createWorkerHashers`: one WASM state per file. */
import { OutriderError } from '../../errors.ts';
import type { HashAnswer, HashRequest } from './hasher.ts';
import { Sha256 } from './sha256.ts';

/** Whoever asks: the one that started the worker, or who has the other end of a port. */
interface Asker {
  postMessage(answer: HashAnswer, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<HashRequest | MessagePort>) => void) | null;
}

const hashers = new Map<number, Sha256>();

function serve(asker: Asker): void {
  asker.onmessage = ({ data }) => {
    if (data instanceof MessagePort) serve(data);
    else answer(asker, data);
  };
}

serve(globalThis as unknown as Asker);

function answer(asker: Asker, request: HashRequest): void {
  const { file } = request;
  try {
    if (request.do === 'free') {
      hashers.delete(file);
      return;
    }
    const hasher = hashers.get(file) ?? new Sha256();
    if (request.do === 'update') {
      hashers.set(file, hasher);
      hasher.update(request.bytes);
      asker.postMessage({ file, bytes: request.bytes }, [request.bytes.buffer]);
      return;
    }
    hashers.delete(file);
    asker.postMessage({ file, digest: hasher.digest() });
  } catch (cause) {
    asker.postMessage({ file, error: failure(cause).serialize() });
  }
}

function failure(cause: unknown): OutriderError {
  const isRefused = typeof WebAssembly === 'undefined' || cause instanceof WebAssembly.CompileError;
  const message = isRefused
    ? "The page's Content-Security-Policy refuses WebAssembly, which file hashes need. Add 'wasm-unsafe-eval' to its " +
      'script-src, or start the hash worker from a URL whose response has a policy of its own.'
    : `A file could not be hashed: ${cause}. Load again.`;
  return new OutriderError('worker_failed', message, { cause, details: { wasmRefused: isRefused } });
}
