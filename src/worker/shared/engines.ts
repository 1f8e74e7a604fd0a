/** The engines of a SharedWorker: each is loaded once, for all tabs that ask for the same, and freed when the last has left. */
import type { LoadProgress } from '../../engine/progress.ts';
import type { TextEngine } from '../../engine/request.ts';
import { abortable, linkSignals } from '../../ports/abortable.ts';
import type { LockRequester } from '../../ports/life.ts';
import type { EngineFactory } from '../host.ts';
import type { RemoteLoadOptions } from '../protocol.ts';
import type { SharedModel } from './protocol.ts';
import { type OpenReader, openReader, type Reading, readerGone } from './reading.ts';

/** A tab that takes part in an engine. */
export interface Tab extends Reading {
  onProgress(progress: LoadProgress): void;
}

export class SharedEngines {
  readonly #createEngine: EngineFactory;
  readonly #locks: LockRequester;
  readonly #engines = new Map<string, SharedEngine>();
  /** What is being freed: a GPU may not hold two models at a time. */
  readonly #freeing = new Set<Promise<void>>();

  constructor(createEngine: EngineFactory, locks: LockRequester) {
    this.#createEngine = createEngine;
    this.#locks = locks;
  }

  /**
   * Resolves once the engine is there. The tab takes part in it until it has left.
   * @throws what loading throws, or the reason for which the tab has left
   */
  async join({ key, name }: SharedModel, options: RemoteLoadOptions, tab: Tab): Promise<TextEngine> {
    const known = this.#engines.get(key);
    if (known && !(await known.isAlive()) && this.#engines.get(key) === known) this.#engines.delete(key);
    tab.left.throwIfAborted();
    const shared = this.#engines.get(key) ?? this.#create(key, name, options);
    return shared.join(tab);
  }

  /** Resolves once nothing is being freed. */
  async freed(): Promise<void> {
    await Promise.all(this.#freeing);
  }

  #create(key: string, name: string, options: RemoteLoadOptions): SharedEngine {
    const room = this.freed();
    const load: EngineFactory = async (...args) => {
      await room;
      return this.#createEngine(...args);
    };
    const shared = new SharedEngine(name, options, load, this.#locks, (freed) => {
      if (this.#engines.get(key) === shared) this.#engines.delete(key);
      this.#freeing.add(freed);
      void freed.finally(() => this.#freeing.delete(freed));
    });
    this.#engines.set(key, shared);
    return shared;
  }
}

class SharedEngine {
  readonly #name: string;
  readonly #options: RemoteLoadOptions;
  readonly #createEngine: EngineFactory;
  readonly #locks: LockRequester;
  readonly #onOver: (freed: Promise<void>) => void;
  /** In the order in which they came. */
  readonly #tabs = new Set<Tab>();
  /** Tabs that have been asked to read: each is asked once. */
  readonly #asked = new WeakSet<Tab>();
  /** Fires when nobody wants the engine any more. */
  readonly #over = new AbortController();
  #engine: Promise<TextEngine> | undefined;
  #loaded: TextEngine | undefined;
  #reader: OpenReader | undefined;
  #progress: LoadProgress | undefined;

  /** @param onOver called once, when it can be joined no more, with what ends when its memory is free */
  constructor(
    name: string,
    options: RemoteLoadOptions,
    createEngine: EngineFactory,
    locks: LockRequester,
    onOver: (freed: Promise<void>) => void,
  ) {
    this.#name = name;
    this.#options = options;
    this.#createEngine = createEngine;
    this.#locks = locks;
    this.#onOver = onOver;
  }

  /** False where the device was lost: a tab that comes now needs another. */
  async isAlive(): Promise<boolean> {
    try {
      await this.#loaded?.stats();
      return !this.#over.signal.aborted;
    } catch {
      return false;
    }
  }

  join(tab: Tab): Promise<TextEngine> {
    this.#tabs.add(tab);
    tab.left.addEventListener('abort', () => this.#leave(tab), { once: true });
    if (this.#progress) tab.onProgress(this.#progress);
    this.#engine ??= this.#load();
    return abortable(this.#engine, tab.left);
  }

  #leave(tab: Tab): void {
    this.#tabs.delete(tab);
    if (this.#tabs.size === 0) this.#end();
  }

  #end(): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#onOver(this.#free());
  }

  async #free(): Promise<void> {
    const engine = await this.#engine?.catch(() => undefined); // what could not be loaded left nothing
    await engine?.unload();
    await this.#reader?.reader.close().catch(() => {}); // of an engine that is gone: nobody could use the reason
  }

  /** With the first tab's reader; where that tab goes, once more with the next one's: what was stored is not fetched again. */
  async #load(): Promise<TextEngine> {
    try {
      for (;;) {
        const reader = await this.#nextReader();
        if (!reader) throw readerGone();
        const engine = await this.#loadWith(reader);
        if (!engine) continue;
        this.#loaded = engine;
        void this.#keepReader(reader).catch(() => {}); // the engine does not read any more
        return engine;
      }
    } catch (error) {
      queueMicrotask(() => this.#end());
      throw error;
    }
  }

  /** @returns undefined where the reader has gone meanwhile */
  async #loadWith({ reader, gone }: OpenReader): Promise<TextEngine | undefined> {
    const { signal, unlink } = linkSignals([this.#over.signal, gone]);
    const onProgress = (progress: LoadProgress) => this.#tell(progress);
    try {
      return await this.#createEngine(reader, this.#name, { ...this.#options, onProgress, signal });
    } catch (error) {
      if (!gone.aborted || this.#over.signal.aborted) throw error;
      if (this.#progress)
        this.#tell({
          ...this.#progress,
          text: 'The tab that was loading is gone: another goes on from what is stored',
        });
      return undefined;
    } finally {
      unlink();
    }
  }

  /** An open reader keeps the stored model from being deleted: while the engine is used, some tab has one. */
  async #keepReader(reader: OpenReader): Promise<void> {
    for (let held: OpenReader | undefined = reader; held; held = this.#reader = await this.#nextReader()) {
      const { gone } = held;
      if (!gone.aborted) await new Promise((resolve) => gone.addEventListener('abort', resolve, { once: true }));
    }
  }

  async #nextReader(): Promise<OpenReader | undefined> {
    for (const tab of this.#tabs) {
      if (this.#asked.has(tab)) continue;
      this.#asked.add(tab);
      const reader = await openReader(tab, this.#locks);
      if (reader) return reader;
    }
    return undefined;
  }

  #tell(progress: LoadProgress): void {
    const least = this.#progress?.progress ?? 0;
    this.#progress = { ...progress, progress: Math.max(least, progress.progress) };
    for (const tab of this.#tabs) tab.onProgress(this.#progress);
  }
}
