/** The first view of the manager: all models, what they take, and a field for another one. */
import type { LoadProgress } from '../../../../index.ts';
import { type FileAt, withPath } from '../../../../storage/file-at.ts';
import { byId } from '../../../shared/dom.ts';
import { explain } from '../../problems.ts';
import { entryOfFiles, type ModelEntry } from '../address.ts';
import type { StorageFacts } from '../api.ts';
import type { Row } from '../listing.ts';
import { describeStorage } from '../stored-words.ts';
import { type RowActions, RowView } from './row.ts';

export interface ListActions extends RowActions {
  /** Makes an entry of what was typed; throws `invalid_request` for what is no address. */
  parse(address: string): ModelEntry;
  /** Shows the plan of a model that may be new. */
  add(entry: ModelEntry): void;
  /** @returns whether the browser promised to keep the models */
  persist(): Promise<boolean>;
}

export class ListView {
  readonly #actions: ListActions;
  readonly #rows = new Map<string, RowView>();
  readonly #address = byId<HTMLInputElement>('models-address');
  readonly #problem = byId('models-add-problem');

  constructor(actions: ListActions) {
    this.#actions = actions;
    byId('models-add').addEventListener('submit', (event) => {
      event.preventDefault();
      this.add(this.#address.value);
    });
    this.#address.addEventListener('input', () => this.#complain(''));
    this.#setUpFiles();
    byId('models-persist').addEventListener('click', () => void this.#persist());
  }

  /** Shows these rows; a row that stays keeps its focus and what is open in it. */
  show(rows: readonly Row[]): void {
    const views = rows.map((row) => {
      const view = this.#rows.get(row.entry.key);
      view?.update(row);
      return [row.entry.key, view ?? new RowView(row, this.#actions)] as const;
    });
    this.#rows.clear();
    for (const [key, view] of views) this.#rows.set(key, view);
    const list = byId('models-rows');
    const elements = views.map(([, { element }]) => element);
    const isSame =
      elements.length === list.children.length && elements.every((element, i) => list.children[i] === element);
    if (!isSame) list.replaceChildren(...elements);
  }

  /** Of the model that is being loaded. */
  showProgress(key: string, progress: LoadProgress): void {
    this.#rows.get(key)?.showProgress(progress);
  }

  /** @param facts undefined where the browser keeps nothing */
  showStorage(facts: StorageFacts | undefined): void {
    byId('models-storage').textContent = facts
      ? describeStorage(facts.used, facts.persisted)
      : 'This window keeps no files: every visit downloads its model again.';
    byId('models-persist').hidden = !facts || facts.persisted || facts.used === 0;
  }

  /** As if a person had typed it; says what is wrong with it below the field. */
  add(address: string): void {
    this.#address.value = address;
    try {
      const entry = this.#actions.parse(address);
      this.#address.value = '';
      this.#complain('');
      this.#actions.add(entry);
    } catch (error) {
      this.#complain(explain(error, address).lead);
      this.#address.focus();
    }
  }

  #complain(words: string): void {
    this.#problem.hidden = words === '';
    this.#problem.textContent = words;
    this.#address.setAttribute('aria-invalid', String(words !== ''));
  }

  async #persist(): Promise<void> {
    const persisted = await this.#actions.persist();
    if (persisted) return; // the facts say so now
    byId('models-storage').textContent =
      'The browser did not promise it now. It decides by how much you use this page: a bookmark or installing it helps.';
  }

  #setUpFiles(): void {
    const picker = byId<HTMLInputElement>('models-files');
    byId('models-folder').addEventListener('click', () => picker.click());
    picker.addEventListener('change', () => {
      const files = [...(picker.files ?? [])];
      picker.value = ''; // the same folder can be chosen again
      if (files.length > 0) this.addFiles(files.map(withPath));
    });
  }

  /** Shows the plan of the model in these files. */
  addFiles(files: readonly FileAt[]): void {
    this.#complain('');
    this.#actions.add(entryOfFiles(files));
  }

  /** Says why files that were dropped are no model. */
  refuseFiles(error: unknown): void {
    this.#complain(explain(error, 'what was dropped').lead);
  }
}
