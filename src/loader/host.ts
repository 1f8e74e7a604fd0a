/**
 * The loader in this thread: opens models for reading, with the cache where there is one, and looks after what is stored. The
 * browser's loader worker answers the page with it; under Node it is called as it is.
 */
import { OutriderError } from '../errors.ts';
import type { ConfigOptions } from '../model/config.ts';
import type { ModelPlan } from '../model/plan.ts';
import type { Notice } from '../model/reader.ts';
import { Channel } from '../ports/channel.ts';
import type { FromSender } from '../ports/messages.ts';
import type { CacheManager, StorageFacts, StoredModel, Update, Verification } from '../storage/cache/manage.ts';
import type { ModelLocation, openSource as OpenSource, RemoteLocation } from '../storage/open.ts';
import { readText } from '../storage/source.ts';
import type { ModelCache } from './browser-cache.ts';
import { SourceReader } from './loader.ts';
import type { SourcePlanOptions } from './plan.ts';
import { serveReader } from './serve.ts';

export type { ModelLocation, RemoteLocation };

export interface ReaderOptions extends ConfigOptions {
  /** For gated repositories; sent to the model's own origin only, never stored. */
  readonly token?: string | undefined;
  /**
   * What is downloaded is kept where the browser can (default true; a full disk is `storage_full`). false: nothing is kept.
   * 'if-room': where the disk is full, loading goes on without keeping the rest, and says so.
   */
  readonly cache?: boolean | 'if-room' | undefined;
  /** What is done otherwise than asked already, in words: told with the other downgrades. */
  readonly downgrades?: readonly string[] | undefined;
}

/** What a model would need; nothing of it is downloaded but config and headers. */
export type PlanRequest = Omit<SourcePlanOptions, 'signal'> & Pick<ReaderOptions, 'token'>;

/**
 * @param openSource what a location is read with: in browsers without what only Node has
 * @param cache what is downloaded is kept there; undefined where nothing can be
 * @throws OutriderError `invalid_request`, `model_not_found`, and what resolving a repository throws
 */
export async function openReader(
  location: ModelLocation,
  { token, cache: wanted = true, ropeScaling, downgrades = [] }: ReaderOptions,
  openSource: typeof OpenSource,
  cache: ModelCache | undefined,
): Promise<SourceReader> {
  const notices = new Channel<Notice>();
  for (const text of downgrades) notices.push({ kind: 'notice', text });
  const open = () => openSource(location, { token, ...tellOf(notices) });
  if (!wanted || !cache || typeof location !== 'string')
    return new SourceReader(await open(), undefined, notices, { ropeScaling });
  const { source, files } = await cache.open(location, open, notices, wanted === 'if-room' ? 'stream' : 'fail');
  return new SourceReader(source, files, notices, { ropeScaling });
}

/** Retries and the server's quirks, in words. */
function tellOf(notices: Channel<Notice>) {
  return {
    onNotice: (text: string) => notices.push({ kind: 'notice', text }),
    onRetry: ({ reason, waitMs }: { readonly reason: string; readonly waitMs: number | undefined }) => {
      const next = waitMs === undefined ? 'Waiting for the network' : `Trying again in ${Math.ceil(waitMs / 1000)} s`;
      notices.push({ kind: 'waiting', text: `${next}: ${reason}` });
    },
  };
}

/** What a page asks of its loader worker. Ports are transferred; over a progress port goes `LoaderProgress`. */
export interface RemoteLoader {
  /** Opens a model and serves a reader on `port`; resolves to its label. */
  open(location: RemoteLocation, options: ReaderOptions, port: MessagePort): Promise<string>;
  plan(location: RemoteLocation, request: PlanRequest): Promise<ModelPlan>;
  /** A text file of the model that is not stored; undefined where there is none. */
  readFile(location: RemoteLocation, path: string, options: Pick<ReaderOptions, 'token'>): Promise<string | undefined>;
  listModels(): Promise<StoredModel[]>;
  deleteModel(id: string): Promise<number>;
  verifyModel(id: string, port: MessagePort): Promise<Verification>;
  updateModel(id: string, options: Pick<ReaderOptions, 'token'> & { readonly apply?: boolean }): Promise<Update>;
  storageFacts(): Promise<StorageFacts>;
}

export interface LoaderProgress {
  readonly loaded: number;
  readonly total: number;
}

/** A README, a licence. */
const MAX_TEXT_BYTES = 4 << 20;

export class Loader implements RemoteLoader {
  readonly #openSource: typeof OpenSource;
  readonly #cache: ModelCache | undefined;

  /** Parameters as for `openReader`. */
  constructor(openSource: typeof OpenSource, cache: ModelCache | undefined) {
    this.#openSource = openSource;
    this.#cache = cache;
  }

  async open(location: RemoteLocation, options: ReaderOptions, port: MessagePort): Promise<string> {
    const reader = await openReader(location, options, this.#openSource, this.#cache);
    serveReader(port, reader);
    return reader.label;
  }

  async plan(location: ModelLocation, { token, ...options }: PlanRequest): Promise<ModelPlan> {
    const stored = await this.#cache?.storedBytes(location);
    if (stored === undefined) {
      const { planSource } = await import('./plan.ts');
      return planSource(await this.#openSource(location, { token }), options);
    }
    const { ropeScaling } = options;
    const reader = await openReader(location, { token, ropeScaling }, this.#openSource, this.#cache);
    try {
      return await reader.plan({ ...options, stored });
    } finally {
      await reader.close();
    }
  }

  async readFile(
    location: ModelLocation,
    path: string,
    { token }: Pick<ReaderOptions, 'token'> = {},
  ): Promise<string | undefined> {
    return readText(await this.#openSource(location, { token }), path, MAX_TEXT_BYTES);
  }

  async listModels(): Promise<StoredModel[]> {
    return (await this.#manager()).listModels();
  }

  async deleteModel(id: string): Promise<number> {
    return (await this.#manager()).deleteModel(id);
  }

  async verifyModel(id: string, port: MessagePort): Promise<Verification> {
    const controller = new AbortController();
    port.onmessage = () => controller.abort();
    const send = (item: LoaderProgress) =>
      port.postMessage({ type: 'item', item } satisfies FromSender<LoaderProgress>);
    try {
      return await (await this.#manager()).verifyModel(id, { signal: controller.signal, onProgress: send });
    } finally {
      port.close();
    }
  }

  async updateModel(
    id: string,
    { token, apply = false }: Pick<ReaderOptions, 'token'> & { readonly apply?: boolean } = {},
  ): Promise<Update> {
    const [, repository] = /^(hf:[^@]+)@/.exec(id) ?? [];
    const source = await this.#openSource(repository ?? id, { token });
    if (repository === undefined) return (await this.#manager()).updateModel(id, source, { apply });
    // A repository is stored under its commit: the newest one is compared, and what is stored goes where that differs.
    const manager = await this.#manager();
    const update = await manager.updateModel(id, source);
    if (apply && update.changed.length > 0) await manager.deleteModel(id);
    return update;
  }

  async storageFacts(): Promise<StorageFacts> {
    return (await this.#manager()).storageFacts();
  }

  /** Care for what is stored: loading a model needs none of it. */
  async #manager(): Promise<CacheManager> {
    const { createCacheManager } = await import('../storage/cache/manage.ts');
    if (this.#cache) return createCacheManager(this.#cache.store, this.#cache.locks);
    throw new OutriderError(
      'storage_failed',
      'Models are kept in the private file system of a browser (OPFS), which is not to be had here.',
    );
  }
}
