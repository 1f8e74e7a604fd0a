/**
 * The page's model: loads it, and remembers what is to be known at the next visit. All others than the one that comes with the
 * page are chosen elsewhere, which is loaded when a person wants one or wanted one last time: most first visits never do.
 */
import type { FileAt } from '../../../storage/file-at.ts';
import { byId } from '../../shared/dom.ts';
import type { Home, ModelEntry } from './address.ts';
import type { Chooser } from './chooser.ts';
import { embeddedModel } from './embedded.ts';
import type { HolderState, ModelHolder } from './holder.ts';
import * as memory from './memory.ts';
import { isDownloading } from './words.ts';

export class ModelManager {
  readonly #holder: ModelHolder;
  readonly #home: Home;
  #choosing: Promise<Chooser> | undefined;
  /** There once it was loaded, and so before any model that it chose. */
  #chooser: Chooser | undefined;
  /** What `lastModel` was before the present load began. */
  #lastBefore: string | undefined;

  constructor(holder: ModelHolder, home: Home) {
    this.#holder = holder;
    this.#home = home;
    holder.listen((state, before) => this.#onHolder(state, before));
    for (const id of ['models-open', 'welcome-models', 'problem-models']) {
      byId(id).addEventListener('click', () => void this.open());
    }
    window.addEventListener('beforeunload', (event) => {
      const { state } = holder;
      if (state.kind !== 'loading' || !isDownloading(state.progress)) return;
      if (this.#chooser?.isFetched(state.order.entry)) event.preventDefault();
    });
    window.addEventListener('pagehide', () => {
      if (holder.state.kind === 'loading') memory.rememberLast(this.#lastBefore); // left, not broken
    });
  }

  /** Shows the list of models, or the plan of the one that is being loaded. */
  async open(): Promise<void> {
    await (await this.#choose()).open();
  }

  /** Shows the plan of the model in these files, which were dropped on the page. */
  async addFiles(files: readonly FileAt[]): Promise<void> {
    await (await this.#choose()).addFiles(files);
  }

  /** Says why files that were dropped cannot be read. */
  async refuseFiles(error: unknown): Promise<void> {
    await (await this.#choose()).refuseFiles(error);
  }

  /**
   * The page's first model: the one that its address names, else the one of the last visit where it is all here, else the
   * embedded one. A model from elsewhere that was never accepted here shows its plan and licence instead.
   * @param address of `?model=`
   */
  async start(address: string | null): Promise<void> {
    const last = memory.lastModel();
    const chooser = address || last !== undefined ? await this.#choose() : undefined;
    if (address) return chooser!.start(address);
    await this.#load((await chooser?.lastEntry(last!)) ?? embeddedModel(this.#home));
  }

  async #load(entry: ModelEntry, choices = memory.choicesFor(entry.key), token?: string): Promise<void> {
    memory.rememberModel(entry);
    memory.rememberChoices(entry.key, choices);
    await this.#holder.load({ entry, request: { ...choices, budget: memory.budget(), token } });
  }

  #onHolder(state: HolderState, before: HolderState): void {
    const isNew = state.kind !== before.kind;
    if (isNew) this.#remember(state);
    byId('model-name').textContent = state.kind === 'empty' ? 'no model' : state.order.entry.name;
    this.#chooser?.showHolder(state, isNew);
  }

  /** The next visit begins with what worked, never with what was being tried: that may be what broke the page. */
  #remember(state: HolderState): void {
    if (state.kind === 'loading') {
      this.#lastBefore = memory.lastModel();
      memory.rememberLast(undefined);
    }
    if (state.kind === 'paused') memory.rememberLast(this.#lastBefore);
    if (state.kind !== 'ready') return;
    const { entry } = state.order;
    if (entry.kind !== 'files' && entry.kind !== 'embedded') memory.rememberLast(entry.key);
  }

  #choose(): Promise<Chooser> {
    this.#choosing ??= import('./chooser.ts')
      .then(({ Chooser }) => {
        this.#chooser = new Chooser(this.#holder, this.#home, (...order) => this.#load(...order));
        return this.#chooser;
      })
      .catch((error) => {
        this.#choosing = undefined; // the next one tries again
        throw error;
      });
    return this.#choosing;
  }
}
