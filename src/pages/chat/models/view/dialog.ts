/** The dialog of models with its two views. Loaded when it is opened: most visits never do. */
import type { LoadProgress } from '../../../../index.ts';
import type { FileAt } from '../../../../storage/file-at.ts';
import { byId, create } from '../../../shared/dom.ts';
import { loadStyles } from '../../../shared/styles.ts';
import dialogStyles from '../../dialog.css?url';
import type { ModelEntry } from '../address.ts';
import * as cards from '../cards.ts';
import type { HolderState } from '../holder.ts';
import { type Active, listRows, type Row } from '../listing.ts';
import * as memory from '../memory.ts';
import { entryOf, refreshStored, type Visit } from '../visit.ts';
import markup from './dialog.html?raw';
import { ListView } from './list.ts';
import styles from './models.css?url';
import { SetupView } from './setup.ts';

/** Puts the dialog on the page, closed. */
export async function createModelsDialog(visit: Visit): Promise<ModelsDialog> {
  await Promise.all([loadStyles(dialogStyles), loadStyles(styles)]);
  document.body.append(create('template', { innerHTML: markup }).content);
  return new ModelsDialog(visit);
}

export class ModelsDialog {
  readonly #visit: Visit;
  readonly #dialog = byId<HTMLDialogElement>('models');
  readonly #list: ListView;
  readonly #setup: SetupView;

  constructor(visit: Visit) {
    this.#visit = visit;
    this.#list = new ListView(this.#listActions());
    this.#setup = new SetupView(this.#setupActions());
    this.#setup.showHolder(visit.holder.state);
    byId('models-back').addEventListener('click', () => void this.showList());
    byId('models-close').addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('close', () => this.#setup.leave());
  }

  /** Shows the plan of the model in these files, which were dropped on the page. */
  addFiles(files: readonly FileAt[]): void {
    this.#list.addFiles(files);
  }

  /** Says why files that were dropped cannot be read. */
  async refuseFiles(error: unknown): Promise<void> {
    await this.showList();
    this.#list.refuseFiles(error);
  }

  /** Says what is wrong with what was typed, or shows its plan. */
  async add(address: string): Promise<void> {
    await this.showList();
    this.#list.add(address);
  }

  async showList(): Promise<void> {
    this.#setup.leave();
    this.#list.show(this.#rows());
    this.#showView('Models', false);
    await this.#refresh();
  }

  showSetup(entry: ModelEntry): void {
    this.#showView(entry.name, true);
    this.#setup.show(this.#rowOf(entry));
  }

  /** The holder is about another model, or further with it. @param isNew whether its state is of another kind */
  showHolder(state: HolderState, isNew: boolean): void {
    if (isNew) {
      if (this.#dialog.open || state.kind !== 'loading') void this.#refresh();
      const shown = this.#dialog.open ? this.#setup.entry : undefined;
      if (state.kind === 'ready' && shown && state.order.entry.key === shown.key) this.#dialog.close();
    }
    this.#setup.showHolder(state);
    if (state.kind === 'loading' && state.progress) this.#showProgress(state.order.entry, state.progress);
  }

  #showProgress({ key }: ModelEntry, progress: LoadProgress): void {
    this.#list.showProgress(key, progress);
  }

  #showView(title: string, isSetup: boolean): void {
    byId('models-title').textContent = title;
    byId('models-all').hidden = isSetup;
    for (const id of ['models-setup', 'models-back', 'setup-foot']) byId(id).hidden = !isSetup;
    byId('models-setup').scrollTop = 0;
    if (this.#dialog.open) byId('models-title').focus();
    else this.#dialog.showModal();
  }

  #rows(): Row[] {
    const { holder, embedded, added, stored } = this.#visit;
    const { state } = holder;
    const addresses = [embedded, ...memory.addedModels().toReversed()];
    const files = [...added.values()].filter(({ kind }) => kind === 'files');
    const known = [...addresses.flatMap((address) => entryOf(this.#visit, address) ?? []), ...files];
    const active: Active | undefined =
      state.kind === 'empty' || state.kind === 'failed' ? undefined : { key: state.order.entry.key, state: state.kind };
    return listRows(known, stored, active, (id) => entryOf(this.#visit, id) ?? unknownEntry(id)).map(withSize);
  }

  #rowOf(entry: ModelEntry): Row {
    return this.#rows().find((row) => row.entry.key === entry.key) ?? { entry, state: 'absent' };
  }

  /** Asks what is stored, and shows it. */
  async #refresh(): Promise<void> {
    const [facts] = await Promise.all([
      this.#visit.library.storageFacts().catch(() => undefined),
      refreshStored(this.#visit),
    ]);
    this.#list.show(this.#rows());
    this.#list.showStorage(facts);
  }

  #listActions(): ConstructorParameters<typeof ListView>[0] {
    const { library, holder } = this.#visit;
    const after = <T>(work: Promise<T>) => work.finally(() => this.#refresh());
    return {
      parse: (address) => this.#visit.parse(address),
      add: (entry) => {
        this.#visit.added.set(entry.key, entry);
        this.showSetup(entry);
      },
      persist: () => after(library.persist()),
      load: (row) => {
        const mayLoad = row.entry.kind !== 'remote' || cards.isAccepted(row.entry.key);
        if (row.state === 'paused') void holder.resume();
        else if (mayLoad) void this.#visit.load(row.entry);
        else this.showSetup(row.entry);
      },
      setUp: ({ entry }) => this.showSetup(entry),
      pause: () => holder.pause(),
      verify: ({ id }, onProgress, signal) => after(library.verifyModel(id, { onProgress, signal })),
      update: ({ entry }, { id }, apply) =>
        after(library.updateModel(id, { token: this.#visit.tokens.get(entry.key), apply })),
      delete: ({ id }) => after(library.deleteModel(id)),
      forget: ({ entry }) => {
        cards.forgetModel(entry.key);
        return this.#refresh();
      },
    };
  }

  #setupActions(): ConstructorParameters<typeof SetupView>[0] {
    const { library, holder, tokens } = this.#visit;
    return {
      plan: async (entry, request) => {
        const plan = await library.planModel(entry.source, request);
        memory.rememberModel(entry); // it is a model
        cards.rememberSize(entry.key, plan.disk);
        return plan;
      },
      readCard: async ({ source, key }, request) => {
        const card = await library.readCard(source, request);
        cards.rememberCard(key, card);
        return card;
      },
      load: (entry, choices) => void this.#visit.load(entry, choices),
      pause: () => holder.pause(),
      choicesFor: ({ key }) => ({ ...memory.choicesFor(key), budget: memory.budget() }),
      rememberBudget: (bytes) => cards.rememberBudget(bytes),
      token: ({ key }) => tokens.get(key),
      setToken: ({ key }, token) => void tokens.set(key, token),
      isAccepted: ({ key }, license) => cards.acceptedLicense(key) === license,
      accept: ({ key }, license) => cards.acceptLicense(key, license),
    };
  }
}

/** What is stored under no address that this page reads: it can be deleted. */
const unknownEntry = (id: string): ModelEntry => ({ key: id, source: id, name: id, label: id, kind: 'remote' });

/** Storage knows only files that were asked for so far; the plan knew all. */
function withSize(row: Row): Row {
  const { entry, stored } = row;
  if (!stored || stored.complete) return row;
  return { ...row, stored: { ...stored, size: Math.max(stored.size, cards.sizeOf(entry.key) ?? 0) } };
}
