/** One engine for all sessions of a `LanguageModel`, loaded when the first of them is created. */
import type { LoadProgress } from '../../engine/progress.ts';
import { abortable } from '../../ports/abortable.ts';
import type { Engine } from '../engine.ts';
import type { Availability } from './types.ts';

/** What is needed of an engine. */
export type PromptEngine = Pick<Engine, 'model' | 'chat' | 'countTokens'>;

/** A model that is loaded when the first session is created. */
export interface PromptSource {
  /** Usually `(options) => createEngine(source, options)`. Called again only after it failed, or all who waited for it left. */
  load(options: { onProgress(progress: LoadProgress): void; signal: AbortSignal }): Promise<PromptEngine>;
  /** Whether loading needs no download: then the model is `available`, else `downloadable`. Default: it does. */
  stored?(): boolean | Promise<boolean>;
}

interface Loading {
  readonly engine: Promise<PromptEngine>;
  readonly controller: AbortController;
  readonly reports: Set<(share: number) => void>;
}

export class EngineLoader {
  readonly #source: PromptSource | undefined;
  #loaded: PromptEngine | undefined;
  #loading: Loading | undefined;

  constructor(source: PromptEngine | PromptSource) {
    if ('load' in source) this.#source = source;
    else this.#loaded = source;
  }

  /** undefined until it is. */
  get loaded(): PromptEngine | undefined {
    return this.#loaded;
  }

  async availability(): Promise<Availability> {
    if (this.#loaded) return 'available';
    const isBrowser = 'document' in globalThis || 'WorkerGlobalScope' in globalThis;
    if (isBrowser && !globalThis.navigator?.gpu) return 'unavailable';
    if (await this.#source?.stored?.()) return 'available';
    return this.#loading ? 'downloading' : 'downloadable';
  }

  /**
   * Sessions that are created meanwhile wait for the same engine; loading is aborted when the last of them gives up.
   * @param report takes shares, 0..1, the last of them 1
   */
  async load(report: (share: number) => void, signal: AbortSignal | undefined): Promise<PromptEngine> {
    const loading = this.#loaded ? undefined : this.#start();
    loading?.reports.add(report);
    try {
      report(0);
      const engine = this.#loaded ?? (await (signal ? abortable(loading!.engine, signal) : loading!.engine));
      report(1);
      return engine;
    } finally {
      loading?.reports.delete(report);
      if (loading?.reports.size === 0 && !this.#loaded) this.#giveUp(loading, signal?.reason);
    }
  }

  #start(): Loading {
    if (this.#loading) return this.#loading;
    const controller = new AbortController();
    const reports: Loading['reports'] = new Set();
    const onProgress = ({ progress }: LoadProgress) => {
      for (const report of reports) report(Math.min(progress, 1));
    };
    const engine = this.#source!.load({ onProgress, signal: controller.signal });
    const loading = { engine, controller, reports };
    this.#loading = loading;
    engine.then(
      (loaded) => {
        if (!controller.signal.aborted) this.#loaded = loaded;
      },
      () => this.#giveUp(loading, undefined),
    );
    return loading;
  }

  /** The next session starts anew. */
  #giveUp(loading: Loading, reason: unknown): void {
    loading.controller.abort(reason);
    if (this.#loading === loading) this.#loading = undefined;
  }
}
