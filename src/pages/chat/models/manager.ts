/** The model manager: the dialog with its two views, what is remembered, and which model the page starts with. */
import type { FileAt } from '../../../storage/file-at.ts';
import { byId } from '../../shared/dom.ts';
import { type Home, isStoredAs, type ModelEntry, parseAddress } from './address.ts';
import type { ModelLibrary, StoredModel } from './api.ts';
import type { HolderState, ModelHolder } from './holder.ts';
import { type Active, listRows, type Row } from './listing.ts';
import * as memory from './memory.ts';
import type { ListView } from './view/list.ts';
import type { SetupView } from './view/setup.ts';
import { isDownloading } from './words.ts';

export interface ManagerOptions {
  readonly library: ModelLibrary;
  readonly holder: ModelHolder;
  readonly home: Home;
}

interface Views {
  readonly list: ListView;
  readonly setup: SetupView;
}

export class ModelManager {
  readonly #library: ModelLibrary;
  readonly #holder: ModelHolder;
  readonly #home: Home;
  readonly #dialog = byId<HTMLDialogElement>('models');
  /** There once the dialog was opened: most visits never do. */
  #views: Views | undefined;
  /** Models that were added in this visit, by key: with their files, and with what their address kept from being remembered. */
  readonly #visit = new Map<string, ModelEntry>();
  /** By key; gone when the page is left. */
  readonly #tokens = new Map<string, string>();
  #stored: readonly StoredModel[] = [];
  /** What `lastModel` was before the present load began. */
  #lastBefore: string | undefined;

  constructor({ library, holder, home }: ManagerOptions) {
    this.#library = library;
    this.#holder = holder;
    this.#home = home;
    holder.listen((state, before) => this.#onHolder(state, before));
    byId('models-back').addEventListener('click', () => void this.#showList());
    byId('models-close').addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('close', () => this.#views?.setup.leave());
    for (const id of ['models-open', 'welcome-models', 'problem-models']) {
      byId(id).addEventListener('click', () => this.open());
    }
    window.addEventListener('beforeunload', (event) => {
      const { state } = this.#holder;
      if (state.kind !== 'loading' || !isDownloading(state.progress)) return;
      const { entry } = state.order;
      if (entry.kind !== 'files' && !this.#isComplete(entry)) event.preventDefault();
    });
    window.addEventListener('pagehide', () => {
      if (this.#holder.state.kind === 'loading') memory.rememberLast(this.#lastBefore); // left, not broken
    });
  }

  /** Shows the list of models, or the plan of the one that is being loaded. */
  open(): void {
    const { state } = this.#holder;
    if (state.kind === 'loading' || state.kind === 'paused') void this.#showSetup(state.order.entry);
    else void this.#showList();
  }

  /** Shows the plan of the model in these files, which were dropped on the page. */
  async addFiles(files: readonly FileAt[]): Promise<void> {
    (await this.#openViews()).list.addFiles(files);
  }

  /** Says why files that were dropped cannot be read. */
  async refuseFiles(error: unknown): Promise<void> {
    await this.#showList();
    this.#views?.list.refuseFiles(error);
  }

  /**
   * The page's first model: the one that its address names, else the one of the last visit where it is all here, else the
   * embedded one. A model from elsewhere that was never accepted here shows its plan and licence instead.
   * @param address of `?model=`
   */
  async start(address: string | null): Promise<void> {
    const stored = this.#refresh();
    if (address) {
      let entry: ModelEntry;
      try {
        entry = parseAddress(address, this.#home);
      } catch {
        await this.#showList();
        this.#views?.list.add(address);
        return;
      }
      if (entry.kind === 'remote') await stored;
      if (entry.kind !== 'remote' || this.#isReady(entry)) await this.#load(entry);
      else await this.#showSetup(entry);
      return;
    }
    const last = memory.lastModel();
    if (last !== undefined) await stored;
    const entry = last === undefined ? undefined : this.#entryOf(last);
    await this.#load(entry && this.#isReady(entry) ? entry : parseAddress(this.#home.embedded, this.#home));
  }

  /** Everything of it is on this machine, and its licence was accepted. */
  #isReady(entry: ModelEntry): boolean {
    return this.#isComplete(entry) && (entry.kind !== 'remote' || memory.isAccepted(entry.key));
  }

  #isComplete(entry: ModelEntry): boolean {
    return this.#stored.some(({ id, complete }) => complete && isStoredAs(entry, id));
  }

  async #load(entry: ModelEntry, choices = memory.choicesFor(entry.key)): Promise<void> {
    memory.rememberModel(entry);
    memory.rememberChoices(entry.key, choices);
    const request = { ...choices, budget: memory.budget(), token: this.#tokens.get(entry.key) };
    await this.#holder.load({ entry, request });
  }

  #onHolder(state: HolderState, before: HolderState): void {
    const isNew = state.kind !== before.kind;
    if (isNew) {
      this.#remember(state);
      if (this.#dialog.open || state.kind !== 'loading') void this.#refresh();
      const shown = this.#dialog.open ? this.#views?.setup.entry : undefined;
      if (state.kind === 'ready' && shown && state.order.entry.key === shown.key) this.#dialog.close();
    }
    byId('model-name').textContent = state.kind === 'empty' ? 'no model' : state.order.entry.name;
    this.#views?.setup.showHolder(state);
    if (state.kind === 'loading' && state.progress) {
      this.#views?.list.showProgress(state.order.entry.key, state.progress);
    }
  }

  /** The next visit begins with what worked, never with what was being tried: that may be what broke the page. */
  #remember(state: HolderState): void {
    if (state.kind === 'loading') {
      this.#lastBefore = memory.lastModel();
      memory.rememberLast(undefined);
    }
    if (state.kind === 'paused') memory.rememberLast(this.#lastBefore);
    if (state.kind !== 'ready') return;
    void import('./view/views.ts').catch(() => {}); // ahead of time: without a network it could not be had when it is wanted
    const { entry } = state.order;
    if (entry.kind !== 'files' && entry.kind !== 'embedded') memory.rememberLast(entry.key);
    dropModelFromAddress(entry, this.#home);
  }

  #entryOf(address: string): ModelEntry | undefined {
    try {
      return this.#visit.get(address) ?? parseAddress(address, this.#home);
    } catch {
      return undefined; // written by another version of this page
    }
  }

  #rows(): Row[] {
    const { state } = this.#holder;
    const addresses = [this.#home.embedded, ...memory.addedModels().toReversed()];
    const files = [...this.#visit.values()].filter(({ kind }) => kind === 'files');
    const known = [...addresses.flatMap((address) => this.#entryOf(address) ?? []), ...files];
    const active: Active | undefined =
      state.kind === 'empty' || state.kind === 'failed' ? undefined : { key: state.order.entry.key, state: state.kind };
    return listRows(known, this.#stored, active, (id) => this.#entryOf(id) ?? unknownEntry(id)).map(withSize);
  }

  #rowOf(entry: ModelEntry): Row {
    return this.#rows().find((row) => row.entry.key === entry.key) ?? { entry, state: 'absent' };
  }

  /** Asks what is stored, and shows it. A browser without storage has nothing stored. */
  async #refresh(): Promise<void> {
    const [stored, facts] = await Promise.all([
      this.#library.listModels().catch(() => []),
      this.#library.storageFacts().catch(() => undefined),
    ]);
    this.#stored = stored;
    this.#views?.list.show(this.#rows());
    this.#views?.list.showStorage(facts);
  }

  async #showList(): Promise<void> {
    const { list, setup } = await this.#openViews();
    setup.leave();
    list.show(this.#rows());
    this.#showView('Models', false);
    await this.#refresh();
  }

  async #showSetup(entry: ModelEntry): Promise<void> {
    const { setup } = await this.#openViews();
    this.#showView(entry.name, true);
    setup.show(this.#rowOf(entry));
  }

  async #openViews(): Promise<Views> {
    const { ListView, SetupView } = await import('./view/views.ts');
    if (!this.#views) {
      this.#views = { list: new ListView(this.#listActions()), setup: new SetupView(this.#setupActions()) };
      this.#views.setup.showHolder(this.#holder.state);
    }
    return this.#views;
  }

  #showView(title: string, isSetup: boolean): void {
    byId('models-title').textContent = title;
    byId('models-all').hidden = isSetup;
    for (const id of ['models-setup', 'models-back', 'setup-foot']) byId(id).hidden = !isSetup;
    byId('models-setup').scrollTop = 0;
    if (this.#dialog.open) byId('models-title').focus();
    else this.#dialog.showModal();
  }

  #listActions(): ConstructorParameters<typeof ListView>[0] {
    const library = this.#library;
    const after = <T>(work: Promise<T>) => work.finally(() => this.#refresh());
    return {
      parse: (address) => parseAddress(address, this.#home),
      add: (entry) => {
        this.#visit.set(entry.key, entry);
        void this.#showSetup(entry);
      },
      persist: () => after(library.persist()),
      load: (row) => {
        const mayLoad = row.entry.kind !== 'remote' || memory.isAccepted(row.entry.key);
        if (row.state === 'paused') void this.#holder.resume();
        else if (mayLoad) void this.#load(row.entry);
        else void this.#showSetup(row.entry);
      },
      setUp: ({ entry }) => void this.#showSetup(entry),
      pause: () => this.#holder.pause(),
      verify: ({ id }, onProgress, signal) => after(library.verifyModel(id, { onProgress, signal })),
      update: ({ entry }, { id }, apply) =>
        after(library.updateModel(id, { token: this.#tokens.get(entry.key), apply })),
      delete: ({ id }) => after(library.deleteModel(id)),
      forget: ({ entry }) => {
        memory.forgetModel(entry.key);
        return this.#refresh();
      },
    };
  }

  #setupActions(): ConstructorParameters<typeof SetupView>[0] {
    const library = this.#library;
    return {
      plan: async (entry, request) => {
        const plan = await library.planModel(entry.source, request);
        memory.rememberModel(entry); // it is a model
        memory.rememberSize(entry.key, plan.disk);
        return plan;
      },
      readCard: async ({ source, key }, request) => {
        const card = await library.readCard(source, request);
        memory.rememberCard(key, card);
        return card;
      },
      load: (entry, choices) => void this.#load(entry, choices),
      pause: () => this.#holder.pause(),
      choicesFor: ({ key }) => ({ ...memory.choicesFor(key), budget: memory.budget() }),
      rememberBudget: (bytes) => memory.rememberBudget(bytes),
      token: ({ key }) => this.#tokens.get(key),
      setToken: ({ key }, token) => void this.#tokens.set(key, token),
      isAccepted: ({ key }, license) => memory.acceptedLicense(key) === license,
      accept: ({ key }, license) => memory.acceptLicense(key, license),
    };
  }
}

/** What is stored under no address that this page reads: it can be deleted. */
const unknownEntry = (id: string): ModelEntry => ({ key: id, source: id, name: id, label: id, kind: 'remote' });

/** Storage knows only files that were asked for so far; the plan knew all. */
function withSize(row: Row): Row {
  const { entry, stored } = row;
  if (!stored || stored.complete) return row;
  return { ...row, stored: { ...stored, size: Math.max(stored.size, memory.sizeOf(entry.key) ?? 0) } };
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
