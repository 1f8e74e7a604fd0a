/** One conversation of the list: its title opens it, the button beside it has everything else. */
import { create, createIconButton } from '../../../shared/dom.ts';
import { loadStyles } from '../../../shared/styles.ts';
import type { Head } from '../store.ts';
import menuStyles from './menu.css?url';
import { renameInPlace } from './rename.ts'; // at once: who asks for it types on

export interface RowActions {
  open(id: string): void;
  rename(id: string, title: string): void;
  remove(head: Head): void;
  exportAs(id: string, format: 'json' | 'markdown'): void;
}

export class RowView {
  readonly element = create('li', { className: 'conversation' });
  readonly #actions: RowActions;
  readonly #title = create('button', { type: 'button', className: 'conversation-title', dir: 'auto' });
  readonly #more: HTMLButtonElement;
  #head: Head;

  constructor(head: Head, actions: RowActions) {
    this.#head = head;
    this.#actions = actions;
    this.#title.addEventListener('click', () => actions.open(this.#head.id));
    this.#title.addEventListener('keydown', (event) => {
      if (event.key === 'F2') this.#rename();
      else if (event.key === 'Delete') actions.remove(this.#head);
    });
    this.#more = createIconButton('dots', '', (button) => void this.#openMenu(button));
    this.#more.ariaHasPopup = 'menu';
    this.element.append(this.#title, this.#more);
  }

  update(head: Head, isCurrent: boolean): void {
    this.#head = head;
    this.#title.textContent = head.title;
    this.#title.title = head.title;
    this.#title.ariaCurrent = isCurrent ? 'true' : null;
    this.#more.ariaLabel = `More about ${head.title}`;
    this.#more.title = 'Rename, export, delete';
  }

  async #openMenu(button: HTMLButtonElement): Promise<void> {
    const [{ openMenu }] = await Promise.all([import('./menu.ts'), loadStyles(menuStyles)]);
    const { id } = this.#head;
    openMenu(button, [
      { label: 'Rename', run: () => this.#rename() },
      { label: 'Export as Markdown', run: () => this.#actions.exportAs(id, 'markdown') },
      { label: 'Export as JSON', run: () => this.#actions.exportAs(id, 'json') },
      { label: 'Delete', run: () => this.#actions.remove(this.#head) },
    ]);
  }

  #rename(): void {
    renameInPlace(this.#title, this.#head.title, (title) => this.#actions.rename(this.#head.id, title));
  }
}
