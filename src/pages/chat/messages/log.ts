/** The list of messages: keeps its end in view while someone reads there, and offers a way back where not. */
import { byId, create } from '../../shared/dom.ts';
import type { Problem } from '../../shared/problems.ts';
import type { Message } from '../conversations/tree.ts';
import { AnswerView } from './answer.ts';
import { type Direction, focusForkSwitch } from './fork.ts';
import { QuestionView } from './question.ts';
import { ResultsView } from './results.ts';
import type { MessageActions, MessageView, Shown } from './view.ts';

const nearEnd = 48; // px: closer than this to the end counts as reading along

export class Log {
  readonly #list = byId('log');
  readonly #latest = byId<HTMLButtonElement>('latest');
  readonly #actions: MessageActions;
  /** Of the messages that are shown, by id, in order. */
  #views: ReadonlyMap<string, MessageView> = new Map();
  #follows = true;

  constructor(actions: MessageActions) {
    this.#actions = actions;
    this.#list.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    this.#latest.addEventListener('click', () => this.follow());
    new ResizeObserver(() => this.#keepEnd()).observe(this.#list);
  }

  /** Shows these messages and nothing else; what was there already stays untouched, with its focus and selection. */
  show(messages: readonly Shown[]): void {
    const views = new Map<string, MessageView>();
    for (const shown of messages) {
      const view = this.#views.get(shown.message.id) ?? this.#createView(shown.message);
      view.update(shown);
      views.set(shown.message.id, view);
    }
    const isSame = views.size === this.#views.size && [...views.keys()].every((id) => this.#views.has(id));
    this.#views = views;
    if (!isSame) this.#place([...views.values()].map(({ element }) => element));
    this.#keepEnd();
  }

  /** Of a message that is shown. */
  answerView(id: string): AnswerView | undefined {
    const view = this.#views.get(id);
    return view instanceof AnswerView ? view : undefined;
  }

  /** Opens the last question for editing. */
  editLast(): void {
    [...this.#views.values()].findLast((view) => view instanceof QuestionView)?.edit();
  }

  focus(): void {
    this.#list.focus({ preventScroll: true });
  }

  /** Keyboard focus stays with the switch of branches that was used. */
  focusFork(id: string, direction: Direction): void {
    const element = this.#views.get(id)?.element;
    if (!element) return;
    focusForkSwitch(element, direction);
    element.scrollIntoView({ block: 'nearest' });
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

  #createView(message: Message): MessageView {
    if (message.role === 'user') return new QuestionView(message, this.#actions);
    if (message.role === 'tool') return new ResultsView(message, this.#actions, () => this.#keepEnd());
    return new AnswerView(message, this.#actions, () => this.#keepEnd());
  }

  /** Removes what is gone, notices included, and inserts what is new. */
  #place(elements: readonly HTMLElement[]): void {
    const kept = new Set<Element>(elements);
    for (const child of [...this.#list.children]) if (!kept.has(child)) child.remove();
    for (const [at, element] of elements.entries()) {
      const there = this.#list.children[at];
      if (there !== element) this.#list.insertBefore(element, there ?? null);
    }
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
}
