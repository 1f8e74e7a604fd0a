/** Where the message is typed: Enter sends, Shift+Enter breaks the line, and a composing IME keeps its Enter. */
import { byId } from '../../shared/dom.ts';

/** What the page wants done with the keys of a message field. */
export interface EntryKeys {
  onEnter(): void;
  onEscape?(): void;
}

/** Grows the field with its text (see `.grow` in style.css) and handles Enter and Escape. */
export function setUpEntry(field: HTMLTextAreaElement, { onEnter, onEscape }: EntryKeys): void {
  const grow = () => {
    field.parentElement!.dataset.value = field.value;
  };
  field.addEventListener('input', grow);
  field.addEventListener('keydown', (event) => {
    // keyCode 229: Safari reports the Enter that ends a composition after isComposing went false.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      onEnter();
    } else if (event.key === 'Escape' && onEscape) {
      event.stopPropagation();
      onEscape();
    }
  });
  grow();
}

/** What the composer may do now. */
export type ComposerState = 'waiting' | 'ready' | 'answering';

/** What a person does with the composer. */
export interface ComposerActions {
  onSend(text: string): void;
  onStop(): void;
  /** Arrow up in the empty field: the last question is to be edited. */
  onEditLast(): void;
  /** Escape while nothing is being written: the keyboard goes elsewhere. */
  onLeave(): void;
}

/** The composer at the foot of the page. */
export class Composer {
  readonly #field = byId<HTMLTextAreaElement>('prompt');
  readonly #send = byId<HTMLButtonElement>('send');
  readonly #stop = byId<HTMLButtonElement>('stop');
  #state: ComposerState = 'waiting';

  constructor({ onSend, onStop, onEditLast, onLeave }: ComposerActions) {
    const send = () => {
      const text = this.#field.value.trim();
      if (this.#state !== 'ready' || text === '') return; // the text stays until it can be sent
      this.fill('');
      onSend(text);
    };
    setUpEntry(this.#field, { onEnter: send });
    this.#field.addEventListener('keydown', (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === 'ArrowUp' && this.#field.value === '' && this.#state === 'ready') {
        event.preventDefault(); // the caret would move in the field that opens
        onEditLast();
      } else if (event.key === 'Escape' && this.#state !== 'answering') {
        this.#field.blur();
        onLeave();
      }
    });
    this.#field.addEventListener('input', () => this.#refresh());
    byId('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      send();
    });
    this.#stop.addEventListener('click', onStop);
    this.#refresh();
  }

  /** What is typed and not sent. */
  get text(): string {
    return this.#field.value;
  }

  set state(state: ComposerState) {
    const focused = document.activeElement;
    this.#state = state;
    this.#refresh();
    // Send and Stop take each other's place; keyboard focus must not fall to the page's top with the hidden one.
    if (focused === this.#send || focused === this.#stop) this.focus();
  }

  fill(text: string): void {
    this.#field.value = text;
    this.#field.dispatchEvent(new Event('input'));
  }

  focus(): void {
    this.#field.focus({ preventScroll: true });
  }

  #refresh(): void {
    this.#send.hidden = this.#state === 'answering';
    this.#stop.hidden = this.#state !== 'answering';
    this.#send.disabled = this.#state !== 'ready' || this.#field.value.trim() === '';
  }
}
