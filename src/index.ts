/**
 * Outrider: Llama 4 in a browser tab, on the visitor's own GPU.
 *
 * Importing this module runs nothing and touches no global, in browsers and under Node alike.
 */
import type { Engine } from './api/engine.ts';
import type { LoadOptions } from './engine/load.ts';
import { OutriderError } from './errors.ts';
import type { ModelSource } from './storage/source.ts';
import { connectEngine } from './worker/client.ts';
import InlineWorker from './worker/entry.ts?worker&inline';
import { type HostScope, onConnect } from './worker/protocol.ts';

export type { Engine } from './api/engine.ts';
export type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  ChatCompletionStream,
  ChatCompletions,
  ChatMessage,
  NonStreamingRequest,
  RequestOptions,
  StreamingRequest,
  TextPart,
  ToolCall,
  Usage,
  UsageExtra,
} from './api/types.ts';
export type {
  DeviceLostEvent,
  DowngradeEvent,
  EngineEvent,
  EngineListener,
  RoutingEvent,
} from './engine/events.ts';
export type { ModelFacts } from './engine/facts.ts';
export type { FinishReason } from './engine/generation.ts';
export type { LoadPhase, LoadProgress } from './engine/progress.ts';
export { type ErrorCode, type ErrorDetails, OutriderError } from './errors.ts';
export type { ModelSource } from './storage/source.ts';
export type { HostScope } from './worker/protocol.ts';

/** How to load a model. */
export interface EngineOptions extends LoadOptions {
  /**
   * Where the engine runs. Default: a Worker of its own where there are Workers, else this thread.
   * `false`: this thread. A `Worker`: one of the app's own that calls `serveEngine()`, for pages whose
   * Content-Security-Policy has no `blob:`; `unload` leaves it running.
   */
  readonly worker?: Worker | false | undefined;
  /** Only with `worker: false`. Default `navigator.gpu`; under Node that of the optional package `webgpu`. */
  readonly gpu?: GPU | undefined;
}

/**
 * Loads a model and returns an engine that answers conversations.
 *
 * @example
 * import { createEngine } from 'outrider';
 *
 * const engine = await createEngine('/models/llama-scoutling', {
 *   onProgress: ({ progress, text }) => console.log(`${text} ${Math.round(100 * progress)} %`),
 * });
 * const stream = await engine.chat.completions.create({
 *   messages: [{ role: 'user', content: 'Tell me a story about a dragon.' }],
 *   stream: true,
 * });
 * let story = '';
 * for await (const chunk of stream) story += chunk.choices[0]?.delta.content ?? '';
 * console.log(story);
 * await engine.unload();
 *
 * @param source a folder in the Hugging Face layout: its URL (relative to the page), its `File`s, or its path under
 *   Node. With `worker: false` also a byte source of the caller's own.
 * @throws OutriderError: `webgpu_unavailable`, `model_not_found`, `aborted`, `worker_failed` and every other code of
 *   loading. Nothing is left on the GPU then.
 */
export async function createEngine(
  source: string | readonly File[] | ModelSource,
  options: EngineOptions = {},
): Promise<Engine> {
  const { worker, gpu, ...load } = options;
  if (worker === false || (worker === undefined && typeof Worker === 'undefined')) return createHere(source, options);
  if (gpu) throw misuse('gpu', 'absent unless worker is false: a GPU object cannot be sent to a Worker');
  const remote = sendable(source);
  if (worker) return connectEngine(worker, remote, load, () => {});
  const own = startWorker();
  return connectEngine(own, remote, load, () => own.terminate());
}

/**
 * The other half of `createEngine(source, { worker })`: call it in the worker's own module, before anything is awaited.
 *
 * @example
 * // engine-worker.js
 * import { serveEngine } from 'outrider';
 * serveEngine();
 *
 * // the page
 * const worker = new Worker('/engine-worker.js', { type: 'module' });
 * const engine = await createEngine('/models/llama-scoutling', { worker });
 *
 * @param scope default: the worker's global scope
 */
export function serveEngine(scope: HostScope = globalThis as unknown as HostScope): void {
  onConnect(scope, async (port) => (await import('./worker/host.ts')).answerPage(port, createHere));
}

async function createHere(
  source: string | readonly File[] | ModelSource,
  { worker: _, gpu, ...load }: EngineOptions,
): Promise<Engine> {
  const { createEngineAnywhere } = await import('./api/in-thread.ts'); // a page whose engine is in a Worker never needs it
  return createEngineAnywhere(source, { ...load, gpu: gpu ?? globalThis.navigator?.gpu ?? (await openGpuOfNode()) });
}

/** Under Node, Dawn; elsewhere nothing, and loading explains what is missing. */
async function openGpuOfNode(): Promise<GPU | undefined> {
  const isNode = !('document' in globalThis || 'WorkerGlobalScope' in globalThis) && typeof process === 'object';
  return isNode ? (await (await import('./gpu/node.ts')).openNodeGpu()).gpu : undefined;
}

function startWorker(): Worker {
  try {
    return new InlineWorker({ name: 'outrider' });
  } catch (cause) {
    const message = `The engine's Worker could not be started: ${cause}. Pass a Worker of your own, or \`worker: false\`.`;
    throw new OutriderError('worker_failed', message, { cause });
  }
}

/** Made absolute: a worker from a Blob has no base URL. */
function sendable(source: string | readonly File[] | ModelSource): string | readonly File[] {
  if (typeof source === 'string') {
    const base = globalThis.document?.baseURI ?? globalThis.location?.href;
    return URL.canParse(source, base) ? new URL(source, base).href : source;
  }
  if (Symbol.iterator in source) return [...source];
  throw misuse('source', 'a URL or a list of files unless worker is false: a byte source cannot be sent to a Worker');
}

function misuse(field: string, allowed: string): OutriderError {
  return new OutriderError('invalid_request', `${field} must be ${allowed}.`, { details: { field, allowed } });
}
