/** The list of conversations: beside the chat on wide screens, a drawer over it on small ones. */
import { byId } from '../../../shared/dom.ts';
import { readJson, writeJson } from '../../../shared/storage.ts';
import type { Head } from '../store.ts';
import { type RowActions, RowView } from './row.ts';

const wide = '(min-width: 50rem)';
const openKey = 'outrider.sidebar';

export interface SidebarActions extends RowActions {
  exportAll(): void;
  importFile(file: File): void;
  showShortcuts(): void;
}

export class Sidebar {
  readonly #actions: SidebarActions;
  readonly #panel = byId('history');
  readonly #toggle = byId<HTMLButtonElement>('history-toggle');
  readonly #search = byId<HTMLInputElement>('history-search');
  readonly #list = byId('history-list');
  readonly #note = byId('history-note');
  readonly #rows = new Map<string, RowView>();
  #heads: readonly Head[] = [];
  #current: string | undefined;

  constructor(actions: SidebarActions) {
    this.#actions = { ...actions, open: (id) => this.#leave(() => actions.open(id)) };
    this.#toggle.addEventListener('click', () => this.toggle());
    this.#panel.addEventListener('toggle', () => this.#showState());
    this.#search.addEventListener('input', () => this.#refresh());
    this.#search.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || this.#search.value === '') return;
      event.preventDefault(); // the drawer stays
      event.stopPropagation();
      this.#search.value = '';
      this.#refresh();
    });
    byId('history-export').addEventListener('click', () => actions.exportAll());
    byId('history-shortcuts').addEventListener('click', () => actions.showShortcuts());
    const picker = byId<HTMLInputElement>('history-file');
    byId('history-import').addEventListener('click', () => picker.click());
    picker.addEventListener('change', () => {
      const [file] = picker.files ?? [];
      picker.value = ''; // the same file can be chosen again
      if (file) actions.importFile(file);
    });
    matchMedia(wide).addEventListener('change', () => this.#adapt());
    this.#adapt();
  }

  /** Shows these conversations, newest first. */
  show(heads: readonly Head[]): void {
    this.#heads = heads;
    this.#refresh();
  }

  /** Marks the conversation that is open; undefined for a new one. */
  mark(current: string | undefined): void {
    this.#current = current;
    this.#refresh();
  }

  toggle(): void {
    if (this.#isDrawer) {
      this.#panel.togglePopover();
      if (this.#isOpen) this.#search.focus();
      return;
    }
    this.#panel.hidden = !this.#panel.hidden;
    writeJson('localStorage', openKey, !this.#panel.hidden);
    this.#showState();
  }

  /** Opens the list, for the keyboard to search in it. */
  search(): void {
    if (!this.#isOpen) this.toggle();
    this.#search.focus();
    this.#search.select();
  }

  get #isDrawer(): boolean {
    return this.#panel.popover !== null;
  }

  get #isOpen(): boolean {
    return this.#isDrawer ? this.#panel.matches(':popover-open') : !this.#panel.hidden;
  }

  /** A drawer gives the page back before something happens there. */
  #leave(act: () => void): void {
    if (this.#isDrawer) this.#panel.hidePopover();
    act();
  }

  #adapt(): void {
    const isWide = matchMedia(wide).matches;
    if (this.#panel.matches(':popover-open')) this.#panel.hidePopover();
    this.#panel.popover = isWide ? null : 'auto';
    this.#panel.hidden = isWide && readJson('localStorage', openKey) === false;
    this.#showState();
  }

  #showState(): void {
    this.#toggle.ariaExpanded = String(this.#isOpen);
  }

  #refresh(): void {
    const wanted = this.#search.value.trim().toLocaleLowerCase();
    const found = this.#heads.filter(({ title }) => title.toLocaleLowerCase().includes(wanted));
    const views = found.map((head) => this.#viewOf(head));
    const elements = views.map(({ element }) => element);
    const isSame =
      elements.length === this.#list.children.length && elements.every((one, at) => this.#list.children[at] === one);
    if (!isSame) this.#place(elements);
    for (const id of this.#rows.keys()) if (!this.#heads.some((head) => head.id === id)) this.#rows.delete(id);
    byId<HTMLButtonElement>('history-export').disabled = this.#heads.length === 0;
    this.#note.hidden = found.length > 0;
    this.#note.textContent =
      wanted === '' ? 'Conversations show here. They stay in this browser.' : 'No title has these words.';
  }

  /** Keyboard focus survives the new order: a row that moves would lose it. */
  #place(elements: readonly HTMLElement[]): void {
    const focused = document.activeElement;
    this.#list.replaceChildren(...elements);
    if (focused instanceof HTMLElement && this.#list.contains(focused)) focused.focus({ preventScroll: true });
  }

  #viewOf(head: Head): RowView {
    const view = this.#rows.get(head.id) ?? new RowView(head, this.#actions);
    view.update(head, head.id === this.#current);
    this.#rows.set(head.id, view);
    return view;
  }
}
