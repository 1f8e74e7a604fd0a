/** Chooses among models: by the page's address, by what was used last, and in the dialog, which it opens. */
import type { FileAt } from '../../../storage/file-at.ts';
import { type Home, isStoredAs, type ModelEntry, parseAddress } from './address.ts';
import { isAccepted } from './cards.ts';
import type { HolderState, ModelHolder } from './holder.ts';
import { library } from './library.ts';
import type { LoadChoices } from './memory.ts';
import type { ModelsDialog } from './view/dialog.ts';
import { entryOf, refreshStored, type Visit } from './visit.ts';

export class Chooser {
  readonly #visit: Visit;
  readonly #home: Home;
  /** There once the dialog was opened. */
  #dialog: Promise<ModelsDialog> | undefined;

  /** @param load makes a model the page's, with what was chosen for it before unless there are new choices */
  constructor(
    holder: ModelHolder,
    home: Home,
    load: (entry: ModelEntry, choices?: LoadChoices, token?: string) => Promise<void>,
  ) {
    this.#home = home;
    const tokens = new Map<string, string>();
    this.#visit = {
      ...{ library, holder, added: new Map(), tokens, stored: [], embedded: home.embedded },
      parse: (address) => parseAddress(address, home),
      load: (entry, choices) => load(entry, choices, tokens.get(entry.key)),
    };
  }

  /** Shows the list of models, or the plan of the one that is being loaded. */
  async open(): Promise<void> {
    const dialog = await this.#openDialog();
    const { state } = this.#visit.holder;
    if (state.kind === 'loading' || state.kind === 'paused') dialog.showSetup(state.order.entry);
    else await dialog.showList();
  }

  /** Shows the plan of the model in these files. */
  async addFiles(files: readonly FileAt[]): Promise<void> {
    (await this.#openDialog()).addFiles(files);
  }

  /** Says why files cannot be read. */
  async refuseFiles(error: unknown): Promise<void> {
    await (await this.#openDialog()).refuseFiles(error);
  }

  /** Loads the model of this address; one from elsewhere that was never accepted here shows its plan and licence instead. */
  async start(address: string): Promise<void> {
    let entry: ModelEntry;
    try {
      entry = parseAddress(address, this.#home);
    } catch {
      await (await this.#openDialog()).add(address);
      return;
    }
    const stored = entry.kind === 'embedded' ? undefined : refreshStored(this.#visit);
    if (entry.kind === 'remote') await stored;
    if (entry.kind !== 'remote' || this.#isReady(entry)) await this.#visit.load(entry);
    else (await this.#openDialog()).showSetup(entry);
  }

  /** The model of the last visit, where it is all here. */
  async lastEntry(key: string): Promise<ModelEntry | undefined> {
    await refreshStored(this.#visit);
    const entry = entryOf(this.#visit, key);
    return entry && this.#isReady(entry) ? entry : undefined;
  }

  /** Whether loading the model fetches much of it over a network. */
  isFetched(entry: ModelEntry): boolean {
    return (entry.kind === 'remote' || entry.kind === 'here') && !this.#isComplete(entry);
  }

  /** The holder is about another model, or further with it. @param isNew whether its state is of another kind */
  showHolder(state: HolderState, isNew: boolean): void {
    if (isNew && state.kind === 'ready') dropModelFromAddress(state.order.entry, this.#home);
    this.#dialog?.then(
      (dialog) => dialog.showHolder(state, isNew),
      () => {}, // whoever opened it has heard
    );
  }

  /** Everything of it is on this machine, and its licence was accepted. */
  #isReady(entry: ModelEntry): boolean {
    return this.#isComplete(entry) && (entry.kind !== 'remote' || isAccepted(entry.key));
  }

  #isComplete(entry: ModelEntry): boolean {
    return this.#visit.stored.some(({ id, complete }) => complete && isStoredAs(entry, id));
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
