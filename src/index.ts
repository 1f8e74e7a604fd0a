/**
 * Outrider: Llama 4 in a browser tab, on the visitor's own GPU.
 *
 * Importing this module runs nothing and touches no global, in browsers and under Node alike.
 */
import type { Engine } from './api/engine.ts';
import type { FallbackOptions } from './api/remote/options.ts';
import type { LoadOptions } from './engine/load.ts';
import type { TextEngine } from './engine/request.ts';
import { OutriderError } from './errors.ts';
import type { PlanRequest, ReaderOptions } from './loader/host.ts';
import type { ModelPlan } from './model/plan.ts';
import type { StorageFacts, StoredModel, Update, Verification } from './storage/cache/manage.ts';
import { type FileAt, withPath } from './storage/file-at.ts';
import type { ModelLocation, RemoteLocation } from './storage/open.ts';
import type { ModelSource } from './storage/source.ts';
import { connectEngine } from './worker/client.ts';
import InlineWorker from './worker/entry.ts?worker&inline';
import { type HostScope, onConnect, onTab } from './worker/protocol.ts';

export type { Engine } from './api/engine.ts';
export type { FallbackOptions } from './api/remote/options.ts';
export type * from './api/types.ts';
export type { CommonFields, FallbackReason, RemoteMark, StreamOptions } from './api/types-common.ts';
export type * from './api/types-text.ts';
export type {
  DeviceLostEvent,
  DowngradeEvent,
  EngineEvent,
  EngineListener,
  PrefillEvent,
  RemoteEvent,
  RoutingEvent,
} from './engine/events.ts';
export type { ModelFacts } from './engine/facts.ts';
export type { LoadPhase, LoadProgress } from './engine/progress.ts';
export type { FinishReason } from './engine/request.ts';
export type { AnswerStats, EngineStats } from './engine/stats.ts';
export { type ErrorCode, type ErrorDetails, OutriderError } from './errors.ts';
export type { KvDtype } from './kernels/attention.ts';
export type { PlanRequest } from './loader/host.ts';
export type { Recipe } from './model/layout/storage.ts';
export type { AdapterLimits, ModelPlan } from './model/plan.ts';
export type { StepCost } from './model/runner.ts';
export type { VariantChoice, VariantsOption, VariantTable } from './model/tuning/tuning.ts';
export type { StorageFacts, StoredModel, Update, Verification } from './storage/cache/manage.ts';
export type { FileAt } from './storage/file-at.ts';
export type { ModelLocation, RemoteLocation } from './storage/open.ts';
export type { ModelSource } from './storage/source.ts';
export type { HostScope } from './worker/protocol.ts';

/** How to load a model. */
export interface EngineOptions extends LoadOptions {
  /**
   * Where the engine runs. Default: a Worker of its own where there are Workers, else this thread.
   * `false`: this thread. A `Worker`: one of the app's own that calls `serveEngine()`, for pages whose
   * Content-Security-Policy has no `blob:`; `unload` leaves it running.
   * `'shared'`, or a `SharedWorker` of the app's own that calls `serveEngine()`: all tabs of this origin that ask for the same
   * model and options share one loaded engine, which is freed with the last of them. A tab hears of its own requests and
   * interrupts only those. Where that cannot be, as where SharedWorkers have no WebGPU, the engine gets a Worker of its own, and
   * a `downgrade` event says so.
   */
  readonly worker?: Worker | SharedWorker | 'shared' | false | undefined;
  /** 'as-written': do not correct the stale `rope_scaling` of Scout's published config. */
  readonly ropeScaling?: 'as-written' | undefined;
  /** For gated repositories. Sent to the model's own origin only; never stored. */
  readonly token?: string | undefined;
  /**
   * What is downloaded is kept where the browser can, and used the next time (default true; a full disk is `storage_full`). false:
   * nothing is kept. 'if-room': where the disk is full, loading goes on without keeping the rest, with a `downgrade`.
   */
  readonly cache?: boolean | 'if-room' | undefined;
  /** Only with `worker: false`. Default `navigator.gpu`; under Node that of the optional package `webgpu`. */
  readonly gpu?: GPU | undefined;
  /**
   * An OpenAI-compatible server that answers what this device cannot: whole answers where the model cannot be loaded, the rest of
   * one where the device is lost in its middle. Conversations are sent there then, so ask the user first. Default: none, and
   * nothing leaves this device. Every answer says where it was computed (`remote`), and so do events and `engine.where`.
   */
  readonly fallback?: FallbackOptions | undefined;
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
export async function createEngine(source: ModelLocation, options: EngineOptions = {}): Promise<Engine> {
  const { fallback, ...rest } = options;
  if (!fallback) return speak(load(source, rest));
  const { engineWithFallback } = await import('./api/remote/open.ts');
  return engineWithFallback(fallback, nameOf(source), () => load(source, rest));
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
 * // or, for all tabs together
 * const worker = new SharedWorker('/engine-worker.js', { type: 'module' });
 *
 * @param scope default: the worker's global scope
 */
export function serveEngine(scope: HostScope = globalThis as unknown as HostScope): void {
  onConnect(scope, async (port) => {
    const [{ answerPage }, { createTextEngine }, { openReader }] = await Promise.all([
      import('./worker/host.ts'),
      import('./engine/create.ts'),
      import('./loader/local.ts'),
    ]);
    answerPage(port, createTextEngine, openReader);
  });
  let answerTab: Promise<(port: MessagePort) => void> | undefined;
  onTab(scope, async (port) => {
    answerTab ??= Promise.all([import('./worker/shared/host.ts'), import('./engine/create.ts')]).then(
      ([{ answerTabs }, { createTextEngine }]) => answerTabs(createTextEngine),
    );
    (await answerTab)(port);
  });
}

/**
 * What a model would need, before any of its weights is fetched: bytes to download, on disk and on the GPU, at which context, and
 * whether that fits. Reads config and headers only.
 *
 * @example
 * const plan = await planModel('hf:owner/name', { contextLength: 32768, budget: 64e9 });
 * console.log(plan.verdict, plan.reason, ...plan.nextSteps);
 *
 * @param source as for `createEngine`
 * @param request `adapterLimits`: default those of this machine's adapter, else what every WebGPU adapter has
 * @throws OutriderError: every code of opening a model; what does not fit is no error but the verdict
 */
export async function planModel(source: RemoteLocation, request: PlanRequest & AbortOption = {}): Promise<ModelPlan> {
  return (await import('./loader/page.ts')).planModel(sendable(source), request);
}

/** A text file of a model, such as its README or licence, at most 4 MB; undefined where there is none. Nothing is stored. */
export async function readModelFile(
  source: RemoteLocation,
  path: string,
  options: AbortOption & { readonly token?: string | undefined } = {},
): Promise<string | undefined> {
  return (await import('./loader/page.ts')).readModelFile(sendable(source), path, options);
}

/** The models that this browser keeps for this origin, complete or not. */
export async function listModels(): Promise<StoredModel[]> {
  return (await import('./loader/page.ts')).listModels();
}

/** @returns bytes freed. @throws OutriderError `model_in_use` while any tab loads or uses it */
export async function deleteModel(id: string): Promise<number> {
  return (await import('./loader/page.ts')).deleteModel(id);
}

/** Reads every stored byte and compares it with what was received; bad parts are fetched again by the next load. */
export async function verifyModel(
  id: string,
  options: AbortOption & {
    readonly onProgress?: ((progress: { readonly loaded: number; readonly total: number }) => void) | undefined;
  } = {},
): Promise<Verification> {
  return (await import('./loader/page.ts')).verifyModel(id, options);
}

/** Asks the model's source which files have changed since. With `apply`, what is stored of those is dropped. */
export async function updateModel(
  id: string,
  options: AbortOption & { readonly token?: string | undefined; readonly apply?: boolean } = {},
): Promise<Update> {
  return (await import('./loader/page.ts')).updateModel(id, options);
}

/** What the stored models take. */
export async function storageFacts(): Promise<StorageFacts> {
  return (await import('./loader/page.ts')).storageFacts();
}

/** Asks the browser to keep what is stored when disk space runs low. */
export async function persistStorage(): Promise<'granted' | 'refused' | 'unanswered'> {
  return (await import('./loader/page.ts')).persistStorage();
}

interface AbortOption {
  readonly signal?: AbortSignal | undefined;
}

async function load(source: ModelLocation, options: Omit<EngineOptions, 'fallback'>): Promise<TextEngine> {
  const { worker, gpu, token, cache, ropeScaling, ...loading } = options;
  let reading: ReaderOptions = { token, cache, ropeScaling };
  const isShared = worker === 'shared' || isSharedWorker(worker);
  const inThisThread = worker === false || ((!worker || isShared) && typeof Worker === 'undefined');
  if (gpu && !inThisThread)
    throw misuse('gpu', 'absent unless worker is false: a GPU object cannot be sent to a Worker');
  const name = nameOf(source);
  if (isShared) {
    const request = { source: sendable(source), name, reading };
    const { openShared } = await import('./worker/shared/page.ts');
    const joined = await openShared(request, loading, worker === 'shared' ? undefined : worker);
    if ('engine' in joined) return joined.engine;
    reading = { ...reading, downgrades: [`The model is loaded for this tab alone, not shared: ${joined.missing}.`] };
  }
  if (inThisThread) {
    const { createHere } = await import('./worker/here.ts');
    const remote = typeof Worker === 'undefined' || isByteSource(source) ? undefined : sendable(source);
    return createHere(source, remote, name, reading, { ...loading, gpu });
  }
  const remote = sendable(source);
  if (worker && !isShared) {
    const model = { name, label: name, source: remote, readerOptions: reading };
    return connectEngine(worker, model, loading, () => {});
  }
  const { openInLoader } = await import('./loader/client.ts');
  const { loader, label, port } = await openInLoader(remote, reading, loading.signal);
  const own = startWorker();
  const release = () => {
    own.terminate();
    loader.terminate();
  };
  return connectEngine(own, { name, label }, loading, release, port, loader.failed);
}

/** OpenAI's shapes are fetched while the model loads. */
async function speak(loading: Promise<TextEngine>): Promise<Engine> {
  const [text, { engineOver }] = await Promise.all([loading, import('./api/engine.ts')]);
  return engineOver(text);
}

function isSharedWorker(worker: EngineOptions['worker']): worker is SharedWorker {
  return typeof worker === 'object' && 'port' in worker;
}

/** The folder's name: the last part of a URL or path, or the folder that a file picker gave. */
function nameOf(source: ModelLocation): string {
  if (typeof source !== 'string') {
    const folder = isByteSource(source) ? source.label : folderOf(source[0]);
    return folder || 'local';
  }
  const path = source.replace(/[?#].*$/, '').replace(/[/\\]+$/, '');
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1) || source;
}

/** Of a file picker or a drop; '' where the files were chosen one by one. */
function folderOf(file: File | FileAt | undefined): string | undefined {
  const parts = file ? withPath(file).path.split('/') : [];
  return parts.length > 1 ? parts[0] : undefined;
}

function isByteSource(source: ModelLocation): source is ModelSource {
  return typeof source === 'object' && !(Symbol.iterator in source);
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
function sendable(source: ModelLocation): RemoteLocation {
  if (typeof source === 'string') {
    const base = globalThis.document?.baseURI ?? globalThis.location?.href;
    return URL.canParse(source, base) ? new URL(source, base).href : source;
  }
  if (!isByteSource(source)) return source.map(withPath); // a copy of a File forgets the folder that it came from
  throw misuse('source', 'a URL or a list of files unless worker is false: a byte source cannot be sent to a Worker');
}

function misuse(field: string, allowed: string): OutriderError {
  return new OutriderError('invalid_request', `${field} must be ${allowed}.`, { details: { field, allowed } });
}
