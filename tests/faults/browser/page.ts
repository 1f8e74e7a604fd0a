/** Gives the fault runs an engine and a loader as any page has them, and ways to hurt them. */
import { createEngine, OutriderError } from '../../../src/index.ts';
import { LoaderClient } from '../../../src/loader/client.ts';
import { readerOver } from '../../../src/loader/port.ts';
import { loadDigests } from '../sink.ts';

export interface Answer {
  /** What the model says, greedily. */
  readonly text?: string;
  /** SHA-256 of what came for each buffer. */
  readonly digests?: readonly (readonly [string, string])[];
  /** Of the error that loading ended in. */
  readonly code?: string;
  readonly message?: string;
}

declare global {
  interface Window {
    /** Loads an engine and asks it. */
    ask(url: string): Promise<Answer>;
    /** Loads by the loader's worker alone, without a GPU. */
    read(url: string, maxBytes: number): Promise<Answer>;
    /** Share of the weights that have come. */
    loaded: number;
    /** Ends the loader's worker as a crash does: nobody is told. */
    killLoader(): void;
    /** Flips a bit of a stored file, at this share of all bytes. */
    flip(share: number): Promise<string>;
  }
}

const loaders: Worker[] = [];
window.Worker = class extends Worker {
  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, options);
    if (options?.name === 'outrider-loader') loaders.push(this);
  }
};

window.loaded = 0;
window.killLoader = () => loaders.at(-1)!.terminate();

const orCode = async (answer: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    return { code: error.code, message: error.message };
  }
};

window.ask = (url) =>
  orCode(async () => {
    const engine = await createEngine(url, {
      onProgress({ phase, loaded, total }) {
        if (phase === 'weights') window.loaded = loaded / total;
      },
    });
    const messages = [{ role: 'user', content: 'Hello' }] as const;
    const { choices } = await engine.chat.completions.create({ messages, temperature: 0, max_tokens: 4 });
    await engine.unload();
    return { text: choices[0]!.message.content ?? '' };
  });

window.read = (url, maxBytes) =>
  orCode(async () => {
    const loader = new LoaderClient();
    try {
      const { port1, port2 } = new MessageChannel();
      const reader = readerOver(port2, await loader.call('open', url, {}, port1));
      const onProgress = (loaded: number, total: number) => {
        window.loaded = loaded / total;
      };
      const digests = await loadDigests(reader, { maxBytes, onProgress });
      await reader.close();
      return { digests: [...digests] };
    } finally {
      loader.terminate();
    }
  });

window.flip = (share) => {
  const worker = new Worker(new URL('./disk-worker.ts', import.meta.url), { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
    worker.postMessage(share);
  });
};
