/** Chooses the page's model: which it starts with, what is remembered of it; and opens the dialog of models. */
import type { FileAt } from '../../../storage/file-at.ts';
import { byId } from '../../shared/dom.ts';
import { type Home, isStoredAs, type ModelEntry, parseAddress } from './address.ts';
import type { ModelLibrary } from './api.ts';
import type { HolderState, ModelHolder } from './holder.ts';
import type { LoadChoices } from './memory.ts';
import * as memory from './memory.ts';
import type { ModelsDialog } from './view/dialog.ts';
import { entryOf, refreshStored, type Visit } from './visit.ts';
import { isDownloading } from './words.ts';

export interface ManagerOptions {
  readonly library: ModelLibrary;
  readonly holder: ModelHolder;
  readonly home: Home;
}

export class ModelManager {
  readonly #visit: Visit;
  readonly #home: Home;
  /** There once the dialog was opened. */
  #dialog: Promise<ModelsDialog> | undefined;
  /** What `lastModel` was before the present load began. */
  #lastBefore: string | undefined;

  constructor({ library, holder, home }: ManagerOptions) {
    this.#home = home;
    this.#visit = {
      ...{ library, holder, added: new Map(), tokens: new Map(), stored: [], embedded: home.embedded },
      parse: (address) => parseAddress(address, home),
      load: (entry, choices) => this.#load(entry, choices),
    };
    holder.listen((state, before) => this.#onHolder(state, before));
    for (const id of ['models-open', 'welcome-models', 'problem-models']) {
      byId(id).addEventListener('click', () => void this.open());
    }
    window.addEventListener('beforeunload', (event) => {
      const { state } = holder;
      if (state.kind !== 'loading' || !isDownloading(state.progress)) return;
      const { entry } = state.order;
      const isLarge = entry.kind === 'remote' || entry.kind === 'here';
      if (isLarge && !this.#isComplete(entry)) event.preventDefault();
    });
    window.addEventListener('pagehide', () => {
      if (holder.state.kind === 'loading') memory.rememberLast(this.#lastBefore); // left, not broken
    });
  }

  /** Shows the list of models, or the plan of the one that is being loaded. */
  async open(): Promise<void> {
    const dialog = await this.#openDialog();
    const { state } = this.#visit.holder;
    if (state.kind === 'loading' || state.kind === 'paused') dialog.showSetup(state.order.entry);
    else await dialog.showList();
  }

  /** Shows the plan of the model in these files, which were dropped on the page. */
  async addFiles(files: readonly FileAt[]): Promise<void> {
    (await this.#openDialog()).addFiles(files);
  }

  /** Says why files that were dropped cannot be read. */
  async refuseFiles(error: unknown): Promise<void> {
    await (await this.#openDialog()).refuseFiles(error);
  }

  /**
   * The page's first model: the one that its address names, else the one of the last visit where it is all here, else the
   * embedded one. A model from elsewhere that was never accepted here shows its plan and licence instead.
   * @param address of `?model=`
   */
  async start(address: string | null): Promise<void> {
    if (address) {
      let entry: ModelEntry;
      try {
        entry = parseAddress(address, this.#home);
      } catch {
        await (await this.#openDialog()).add(address);
        return;
      }
      const stored = entry.kind === 'embedded' ? undefined : refreshStored(this.#visit);
      if (entry.kind === 'remote') await stored;
      if (entry.kind !== 'remote' || this.#isReady(entry)) await this.#load(entry);
      else (await this.#openDialog()).showSetup(entry);
      return;
    }
    const last = memory.lastModel();
    if (last !== undefined) await refreshStored(this.#visit);
    const entry = last === undefined ? undefined : entryOf(this.#visit, last);
    await this.#load(entry && this.#isReady(entry) ? entry : parseAddress(this.#home.embedded, this.#home));
  }

  /** Everything of it is on this machine, and its licence was accepted. */
  #isReady(entry: ModelEntry): boolean {
    return this.#isComplete(entry) && (entry.kind !== 'remote' || memory.isAccepted(entry.key));
  }

  #isComplete(entry: ModelEntry): boolean {
    return this.#visit.stored.some(({ id, complete }) => complete && isStoredAs(entry, id));
  }

  async #load(entry: ModelEntry, choices: LoadChoices = memory.choicesFor(entry.key)): Promise<void> {
    memory.rememberModel(entry);
    memory.rememberChoices(entry.key, choices);
    const { holder, tokens } = this.#visit;
    const request = { ...choices, budget: memory.budget(), token: tokens.get(entry.key) };
    await holder.load({ entry, request });
  }

  #onHolder(state: HolderState, before: HolderState): void {
    const isNew = state.kind !== before.kind;
    if (isNew) this.#remember(state);
    byId('model-name').textContent = state.kind === 'empty' ? 'no model' : state.order.entry.name;
    this.#dialog?.then(
      (dialog) => dialog.showHolder(state, isNew),
      () => {}, // whoever opened it has heard
    );
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
    dropModelFromAddress(entry, this.#home);
  }

  #openDialog(): Promise<ModelsDialog> {
    this.#dialog ??= import('./view/dialog.ts')
      .then(({ createModelsDialog }) => createModelsDialog(this.#visit))
      .catch((error) => {
        this.#dialog = undefined; // the next one tries again
        throw error;
      });
    return this.#dialog;
  }
}

/** `?model=` would undo a choice that was made in the dialog at the next reload. */
function dropModelFromAddress({ key }: ModelEntry, home: Home): void {
  const url = new URL(location.href);
  const named = url.searchParams.get('model');
  if (named === null) return;
  try {
    if (parseAddress(named, home).key === key) return;
  } catch {
    // No address at all: it goes too.
  }
  url.searchParams.delete('model');
  history.replaceState(null, '', url);
}
