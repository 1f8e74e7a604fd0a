/** What remote.test.ts runs in the page. */

import type { OutriderError } from '../../src/errors.ts';
import {
  type ChatCompletionChunk,
  createEngine,
  type Engine,
  type EngineEvent,
  type EngineOptions,
} from '../../src/index.ts';

let engine: Engine | undefined;
let worker: Worker | undefined;
const events: EngineEvent['type'][] = [];

/** @returns where the engine answers */
async function open(options: EngineOptions, ownWorker = false) {
  worker = ownWorker ? new Worker(new URL('./remote-worker.ts', import.meta.url), { type: 'module' }) : undefined;
  engine = await createEngine('/models/llama-scoutling', { contextLength: 512, worker, ...options });
  engine.on('event', ({ type }) => events.push(type));
  return engine.where;
}

/** A greedy answer; the device is lost after that many chunks. */
async function ask(content: string, loseAfter = Number.POSITIVE_INFINITY) {
  const chunks: ChatCompletionChunk[] = [];
  try {
    const request = { messages: [{ role: 'user', content }], temperature: 0, stream: true } as const;
    for await (const chunk of await engine!.chat.completions.create(request)) {
      if (chunks.push(chunk) === loseAfter) new BroadcastChannel('lose').postMessage('');
    }
  } catch (thrown) {
    const { code, message } = thrown as OutriderError;
    return { code, message, text: textOf(chunks), events };
  }
  const local = chunks.filter(({ remote }) => !remote);
  return { text: textOf(chunks), local: textOf(local), remote: chunks.at(-1)!.remote, where: engine!.where, events };
}

const textOf = (chunks: readonly ChatCompletionChunk[]) =>
  chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');

async function close() {
  await engine?.unload();
  worker?.terminate();
}

declare global {
  var remotePage: { open: typeof open; ask: typeof ask; close: typeof close };
}

globalThis.remotePage = { open, ask, close };
