/** One conversation of the list: its title opens it, the button beside it has everything else. */
import { create, createIconButton } from '../../../shared/dom.ts';
import type { Head } from '../store.ts';
import { openMenu } from './menu.ts';

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
    this.#more = createIconButton('dots', '', (button) => this.#openMenu(button));
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

  #openMenu(button: HTMLButtonElement): void {
    const { id } = this.#head;
    openMenu(button, [
      { label: 'Rename', run: () => this.#rename() },
      { label: 'Export as Markdown', run: () => this.#actions.exportAs(id, 'markdown') },
      { label: 'Export as JSON', run: () => this.#actions.exportAs(id, 'json') },
      { label: 'Delete', run: () => this.#actions.remove(this.#head) },
    ]);
  }

  /** Puts a field in the title's place. */
  #rename(): void {
    const field = create('input', {
      type: 'text',
      value: this.#head.title,
      maxLength: 200,
      dir: 'auto',
      ariaLabel: 'Title',
    });
    let isOpen = true;
    const close = (keeps: boolean, refocuses: boolean) => {
      if (!isOpen) return;
      isOpen = false;
      const title = field.value.trim();
      field.replaceWith(this.#title);
      if (refocuses) this.#title.focus();
      if (keeps && title !== '' && title !== this.#head.title) this.#actions.rename(this.#head.id, title);
    };
    field.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      if (event.key !== 'Enter' && event.key !== 'Escape') return;
      event.preventDefault(); // Enter would press the title that gets the focus, Escape close the drawer
      event.stopPropagation();
      close(event.key === 'Enter', true);
    });
    field.addEventListener('blur', () => close(true, false));
    this.#title.replaceWith(field);
    field.focus();
    field.select();
  }
}
