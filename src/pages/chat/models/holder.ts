/**
 * The page's one engine: which model it is of, and how far it is. A new model takes the place of the one before, whose
 * memory is given back first: two large ones never fit.
 *
 *     empty -> loading -> ready -> loading (another) | failed (a lost device)
 *              loading -> paused -> loading          what was downloaded stays
 *              loading -> failed -> loading
 */
import type { Engine, LoadProgress } from '../../../index.ts';
import type { ModelEntry } from './address.ts';
import type { EngineRequest } from './api.ts';

/** What to load, and how. */
export interface LoadOrder {
  readonly entry: ModelEntry;
  readonly request: Omit<EngineRequest, 'onProgress' | 'signal'>;
}

export type HolderState =
  | { readonly kind: 'empty' }
  | { readonly kind: 'loading'; readonly order: LoadOrder; readonly progress?: LoadProgress | undefined }
  | { readonly kind: 'paused'; readonly order: LoadOrder; readonly progress?: LoadProgress | undefined }
  | { readonly kind: 'failed'; readonly order: LoadOrder; readonly error: unknown }
  | { readonly kind: 'ready'; readonly order: LoadOrder; readonly engine: Engine };

export type CreateEngine = (source: ModelEntry['source'], request: EngineRequest) => Promise<Engine>;

/** Called after every change, with the state before it. */
export type HolderListener = (state: HolderState, before: HolderState) => void;

export class ModelHolder {
  readonly #create: CreateEngine;
  readonly #listeners: HolderListener[] = [];
  #state: HolderState = { kind: 'empty' };
  #abort: AbortController | undefined;
  /** Settles when nothing of an earlier model is left; never rejects. */
  #cleared: Promise<void> = Promise.resolve();

  constructor(create: CreateEngine) {
    this.#create = create;
  }

  get state(): HolderState {
    return this.#state;
  }

  /** The order that the engine is about, whatever became of it. */
  get order(): LoadOrder | undefined {
    return this.#state.kind === 'empty' ? undefined : this.#state.order;
  }

  listen(listener: HolderListener): void {
    this.#listeners.push(listener);
  }

  /** Loads; how that went is in the state when it resolves. A later order, or a pause, ends this one. */
  async load(order: LoadOrder): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const before = this.#state;
    this.#set({ kind: 'loading', order }); // whoever asks the old engine hears of it first
    const free = this.#cleared.then(() => release(before));
    this.#cleared = free;
    await free;
    if (abort.signal.aborted) return;
    const loaded = this.#run(order, abort.signal);
    this.#cleared = loaded.then(() => undefined);
    await loaded;
  }

  /** Stops loading; what was downloaded stays, and `resume` goes on from there. */
  pause(): void {
    if (this.#state.kind !== 'loading') return;
    const { order, progress } = this.#state;
    this.#abort?.abort();
    this.#set({ kind: 'paused', order, progress });
  }

  /** The same order again: after a pause, a failure, a lost device. */
  async resume(): Promise<void> {
    if (this.order) await this.load(this.order);
  }

  /** The engine told that it is of no further use. */
  fail(error: unknown): void {
    if (this.#state.kind !== 'ready') return;
    const { order, engine } = this.#state;
    this.#cleared = this.#cleared.then(() => release({ kind: 'ready', order, engine }));
    this.#set({ kind: 'failed', order, error });
  }

  /** Gives the engine back. */
  async unload(): Promise<void> {
    this.#abort?.abort();
    const before = this.#state;
    this.#set({ kind: 'empty' });
    this.#cleared = this.#cleared.then(() => release(before));
    await this.#cleared;
  }

  async #run(order: LoadOrder, signal: AbortSignal): Promise<void> {
    const onProgress = (progress: LoadProgress) => {
      if (!signal.aborted) this.#set({ kind: 'loading', order, progress });
    };
    try {
      const engine = await this.#create(order.entry.source, { ...order.request, onProgress, signal });
      if (signal.aborted) await engine.unload().catch(() => undefined);
      else this.#set({ kind: 'ready', order, engine });
    } catch (error) {
      if (!signal.aborted) this.#set({ kind: 'failed', order, error });
    }
  }

  #set(state: HolderState): void {
    const before = this.#state;
    this.#state = state;
    for (const listener of this.#listeners) listener(state, before);
  }
}

/** A lost device cannot even be given back; nothing more can be done about it then. */
async function release(state: HolderState): Promise<void> {
  if (state.kind === 'ready') await state.engine.unload().catch(() => undefined);
}
