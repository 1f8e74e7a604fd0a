/** One question on the page, and the field in its place while it is edited. */
import { create, createButton } from '../../shared/dom.ts';
import type { Question } from '../conversations/tree.ts';
import { createAskButton } from './ask-button.ts';
import { setUpEntry } from './composer.ts';
import { createForkSwitch } from './fork.ts';
import { editInPlace, isEdited } from './in-place.ts';
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
    if (fork && !isEdited(this.element)) {
      this.element.append(createForkSwitch(fork, 'question', (id, direction) => this.#actions.onChoose(id, direction)));
    }
  }

  /** Puts a field in the text's place. */
  edit(): void {
    if (isEdited(this.element)) return;
    const { id, text } = this.#question;
    const field = create('textarea', { value: text, dir: 'auto', rows: 1, ariaLabel: 'Edit your message' });
    editInPlace(this.element, ({ close, cancel }) => {
      const ask = () => {
        const changed = field.value.trim();
        if (changed === '') return;
        close();
        this.#actions.onEdit(id, changed);
      };
      const frame = create('div', { className: 'grow' }, field);
      setUpEntry(field, { onEnter: ask, onEscape: cancel });
      const actions = [createButton('Cancel', cancel), createAskButton('Ask again', ask)];
      return [frame, create('div', { className: 'actions' }, ...actions)];
    });
    field.focus();
    field.setSelectionRange(text.length, text.length);
  }
}
