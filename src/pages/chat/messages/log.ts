/** The list of messages: keeps its end in view while someone reads there, and offers a way back where not. */
import { byId, create, createButton } from '../../shared/dom.ts';
import type { Problem } from '../../shared/problems.ts';
import type { Turn } from '../conversation.ts';
import { AnswerView } from './answer.ts';
import { createAskButton } from './ask-button.ts';
import { setUpEntry } from './composer.ts';

/** What a person can ask of the messages. */
export interface LogActions {
  /** Ask again from the question at this index of the conversation, with this text. */
  onEdit(index: number, text: string): void;
  onRegenerate(): void;
}

const nearEnd = 48; // px: closer than this to the end counts as reading along

export class Log {
  readonly #list = byId('log');
  readonly #latest = byId<HTMLButtonElement>('latest');
  readonly #actions: LogActions;
  #last: AnswerView | undefined;
  #follows = true;

  constructor(actions: LogActions) {
    this.#actions = actions;
    this.#list.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    this.#latest.addEventListener('click', () => this.follow());
    new ResizeObserver(() => this.#keepEnd()).observe(this.#list);
  }

  /** Shows these turns and nothing else. */
  show(turns: readonly Turn[]): void {
    this.#list.replaceChildren();
    this.#last = undefined;
    for (const [index, turn] of turns.entries()) {
      if (turn.role === 'user') this.addQuestion(index, turn.text);
      else {
        const view = this.addAnswer();
        view.append(turn.text);
        const last = index === turns.length - 1;
        view.finish(turn.outcome, turn.stats, last ? this.#actions.onRegenerate : undefined);
      }
    }
    this.follow();
  }

  addQuestion(index: number, text: string): void {
    const body = create('p', { className: 'said', dir: 'auto' }, text);
    const question = create('article', { className: 'question', ariaLabel: 'You' }, body);
    const edit = createAskButton('Edit', () => this.#edit(question, index, text));
    question.append(create('div', { className: 'actions' }, edit));
    this.#list.append(question);
  }

  addAnswer(): AnswerView {
    this.#last?.settle();
    this.#last = new AnswerView(() => this.#keepEnd());
    this.#list.append(this.#last.element);
    return this.#last;
  }

  /** A word about an answer that could not be given, while the model itself is fine. */
  addNotice({ title, lead, advice }: Problem): void {
    const notice = create('aside', { className: 'notice', role: 'alert' });
    notice.append(create('strong', {}, title), create('p', {}, lead), ...advice.map((line) => create('p', {}, line)));
    this.#list.append(notice);
    this.#keepEnd();
  }

  /** Goes to the end and stays there while text arrives. */
  follow(): void {
    this.#follows = true;
    this.#keepEnd();
    this.#latest.hidden = true;
  }

  #keepEnd(): void {
    if (this.#follows) this.#list.scrollTop = this.#list.scrollHeight;
    else this.#onScroll();
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    this.#follows = scrollHeight - scrollTop - clientHeight < nearEnd;
    this.#latest.hidden = this.#follows;
  }

  #edit(question: HTMLElement, index: number, text: string): void {
    const field = create('textarea', { value: text, dir: 'auto', rows: 1, ariaLabel: 'Edit your message' });
    const frame = create('div', { className: 'grow' }, field);
    const children = [...question.childNodes];
    const close = () => {
      question.replaceChildren(...children);
      question.classList.remove('editing');
      question.querySelector('button')?.focus();
    };
    const ask = () => {
      const changed = field.value.trim();
      if (changed !== '') this.#actions.onEdit(index, changed);
    };
    const actions = create(
      'div',
      { className: 'actions' },
      createButton('Cancel', close),
      createAskButton('Ask again', ask),
    );
    question.replaceChildren(frame, actions);
    question.classList.add('editing');
    setUpEntry(field, { onEnter: ask, onEscape: close });
    field.focus();
    field.setSelectionRange(text.length, text.length);
  }
}
