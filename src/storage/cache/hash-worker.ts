/** The worker behind `createWorkerHashers`: one WASM state per file. */
import { createSHA256, type IHasher } from 'hash-wasm';
import { OutriderError } from '../../errors.ts';
import type { HashAnswer, HashRequest } from './hasher.ts';

/** Whoever asks: the one that started the worker, or who has the other end of a port. */
interface Asker {
  postMessage(answer: HashAnswer, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<HashRequest | MessagePort>) => void) | null;
}

const hashers = new Map<number, IHasher>();

// One after the other: the first request of a file waits for its WASM, and those behind it must not overtake.
let last: Promise<void> = Promise.resolve();
function serve(asker: Asker): void {
  asker.onmessage = ({ data }) => {
    if (data instanceof MessagePort) serve(data);
    else last = last.then(() => answer(asker, data));
  };
}

serve(globalThis as unknown as Asker);

async function answer(asker: Asker, request: HashRequest): Promise<void> {
  const { file } = request;
  try {
    if (request.do === 'free') return void hashers.delete(file);
    const hasher = hashers.get(file) ?? (await open(file));
    if (request.do === 'update') {
      hasher.update(request.bytes);
      return asker.postMessage({ file, bytes: request.bytes }, [request.bytes.buffer]);
    }
    hashers.delete(file);
    asker.postMessage({ file, digest: hasher.digest('hex') });
  } catch (cause) {
    asker.postMessage({ file, error: failure(cause).serialize() });
  }
}

async function open(file: number): Promise<IHasher> {
  const hasher = (await createSHA256()).init();
  hashers.set(file, hasher);
  return hasher;
}

function failure(cause: unknown): OutriderError {
  const isRefused = cause instanceof WebAssembly.CompileError || typeof WebAssembly === 'undefined';
  const message = isRefused
    ? "The page's Content-Security-Policy refuses WebAssembly, which file hashes need. Add 'wasm-unsafe-eval' to its " +
      'script-src, or start the hash worker from a URL whose response has a policy of its own.'
    : `A file could not be hashed: ${cause}. Load again.`;
  return new OutriderError('worker_failed', message, { cause, details: { wasmRefused: isRefused } });
}
