/** One engine for all elements of a page that ask for the same model: loaded when the first needs it, unloaded after the last. */
import type { Engine, FallbackOptions, LoadProgress, OutriderError } from '../index.ts';
import { abortable } from '../ports/abortable.ts';

/** What is loaded. Two orders are the same where all fields are, objects by identity. */
export interface EngineOrder {
  /** Absolute where it can be, so that equal models are equal texts. */
  readonly model: string;
  /** Further options of `createEngine`. */
  readonly options?: object | undefined;
  readonly fallback?: FallbackOptions | undefined;
}

/** One element's share of an engine. */
export interface EngineLease {
  /** Rejects with what loading threw, and with an `AbortError` where the lease ended first. */
  readonly engine: Promise<Engine>;
  /** Aborted, with the `device_lost` error as its reason, when the engine is of no further use. */
  readonly lost: AbortSignal;
  /**
   * Ends the lease; once. The engine goes with its last lease: after a moment, because elements are moved by removing
   * and adding them, or `at: 'once'`, which also stops loading.
   */
  release(at?: 'once'): void;
}

export type LoadEngine = (
  order: EngineOrder,
  hooks: { readonly onProgress: (progress: LoadProgress) => void; readonly signal: AbortSignal },
) => Promise<Engine>;

interface Shared {
  readonly order: EngineOrder;
  readonly engine: Promise<Engine>;
  readonly loading: AbortController;
  readonly lost: AbortController;
  readonly listeners: Set<(progress: LoadProgress) => void>;
  last: LoadProgress | undefined;
  numLeases: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class EnginePool {
  readonly #load: LoadEngine;
  readonly #graceMs: number;
  readonly #shared = new Set<Shared>();

  /** @param graceMs how long an engine without leases is kept */
  constructor(load: LoadEngine, graceMs: number) {
    this.#load = load;
    this.#graceMs = graceMs;
  }

  /** Starts loading unless an engine for the same order is there. `onProgress` is also told what was reported last. */
  lease(order: EngineOrder, onProgress: (progress: LoadProgress) => void): EngineLease {
    const shared = this.#find(order) ?? this.#start(order);
    clearTimeout(shared.timer);
    shared.numLeases++;
    shared.listeners.add(onProgress);
    if (shared.last) onProgress(shared.last);
    const ended = new AbortController();
    const engine = abortable(shared.engine, ended.signal);
    engine.catch(() => {}); // a lease that ends before anyone waits for it is no failure
    let isHeld = true;
    return {
      engine,
      lost: shared.lost.signal,
      release: (at) => {
        if (!isHeld) return;
        isHeld = false;
        shared.listeners.delete(onProgress);
        ended.abort();
        if (--shared.numLeases > 0) return;
        if (at === 'once') this.#end(shared);
        else shared.timer = setTimeout(() => this.#end(shared), this.#graceMs);
      },
    };
  }

  #find({ model, options, fallback }: EngineOrder): Shared | undefined {
    for (const shared of this.#shared) {
      const { order } = shared;
      if (order.model === model && order.options === options && order.fallback === fallback) return shared;
    }
    return undefined;
  }

  #start(order: EngineOrder): Shared {
    const loading = new AbortController();
    const listeners: Shared['listeners'] = new Set();
    const onProgress = (progress: LoadProgress) => {
      shared.last = progress;
      for (const listener of listeners) listener(progress);
    };
    const shared: Shared = {
      order,
      engine: this.#load(order, { onProgress, signal: loading.signal }),
      loading,
      lost: new AbortController(),
      listeners,
      last: undefined,
      numLeases: 0,
      timer: undefined,
    };
    this.#shared.add(shared);
    shared.engine.then(
      (engine) => {
        engine.on('event', (event) => {
          // With a fallback the engine goes on by itself, elsewhere.
          if (event.type === 'device_lost' && !shared.order.fallback) this.#lose(shared, event.error);
        });
      },
      () => this.#shared.delete(shared), // the next lease tries again
    );
    return shared;
  }

  #lose(shared: Shared, error: OutriderError): void {
    this.#end(shared);
    shared.lost.abort(error);
  }

  #end(shared: Shared): void {
    if (!this.#shared.delete(shared)) return; // lost before, or never loaded
    clearTimeout(shared.timer);
    shared.loading.abort();
    shared.engine.then((engine) => engine.unload()).catch(() => {}); // why it did not load was told to those who waited; a lost device has nothing to unload
  }
}
