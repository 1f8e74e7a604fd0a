/** One question on the page, and the field in its place while it is edited. */
import { create, createButton } from '../../shared/dom.ts';
import type { Question } from '../conversations/tree.ts';
import { createAskButton } from './ask-button.ts';
import { setUpEntry } from './composer.ts';
import { createForkSwitch } from './fork.ts';
import type { MessageActions, MessageView, Shown } from './view.ts';

export class QuestionView implements MessageView<Question> {
  readonly element = create('article', { className: 'question', ariaLabel: 'You' });
  readonly #actions: MessageActions;
  #question: Question;

  constructor(question: Question, actions: MessageActions) {
    this.#question = question;
    this.#actions = actions;
    const edit = createAskButton('Edit', () => this.edit());
    this.element.append(
      create('p', { className: 'said', dir: 'auto' }, question.text),
      create('div', { className: 'actions' }, edit),
    );
  }

  update({ message, fork }: Shown<Question>): void {
    this.#question = message;
    this.element.querySelector('.fork')?.remove();
    if (fork && !this.#isEditing) {
      this.element.append(createForkSwitch(fork, 'question', (id, direction) => this.#actions.onChoose(id, direction)));
    }
  }

  get #isEditing(): boolean {
    return this.element.classList.contains('editing');
  }

  /** Puts a field in the text's place. */
  edit(): void {
    if (this.#isEditing) return;
    const { id, text } = this.#question;
    const field = create('textarea', { value: text, dir: 'auto', rows: 1, ariaLabel: 'Edit your message' });
    const children = [...this.element.childNodes];
    const close = () => {
      this.element.classList.remove('editing');
      this.element.replaceChildren(...children);
    };
    const cancel = () => {
      close();
      this.element.querySelector<HTMLElement>('.actions button')?.focus();
    };
    const ask = () => {
      const changed = field.value.trim();
      if (changed === '') return;
      close();
      this.#actions.onEdit(id, changed);
    };
    const actions = [createButton('Cancel', cancel), createAskButton('Ask again', ask)];
    this.element.replaceChildren(
      create('div', { className: 'grow' }, field),
      create('div', { className: 'actions' }, ...actions),
    );
    this.element.classList.add('editing');
    setUpEntry(field, { onEnter: ask, onEscape: cancel });
    field.focus();
    field.setSelectionRange(text.length, text.length);
  }
}
