/** One answer on the page: streams in by animation frames, then shows how it ended and what it cost. */
import { MarkdownView } from '../../../element/markdown/view.ts';
import { create, createButton, createCopyButton } from '../../shared/dom.ts';
import { highlight } from '../answer-views/colouring.ts';
import type { CallMade } from '../conversations/answer.ts';
import { type Answer, callsOf } from '../conversations/tree.ts';
import { createAskButton } from './ask-button.ts';
import { loadCallViews } from './call-views.ts';
import { Faces, markdownOf } from './faces.ts';
import { describeAnswer } from './facts.ts';
import { createForkSwitch } from './fork.ts';
import type { MessageActions, MessageView, Shown } from './view.ts';

export class AnswerView implements MessageView<Answer> {
  readonly element = create('article', { className: 'answer', dir: 'auto', ariaLabel: 'Answer', ariaBusy: 'true' });
  readonly #body = create('div', { className: 'prose' });
  readonly #calls = create('div', { className: 'calls' });
  /** The newest, also while what shows them is loaded. */
  #made: readonly CallMade[] = [];
  readonly #foot = create('footer', { className: 'foot' });
  readonly #caret = create('span', { className: 'caret', ariaHidden: 'true' });
  readonly #markdown = new MarkdownView(this.#body, { highlight });
  readonly #actions: MessageActions;
  readonly #onFrame: () => void;
  readonly #experts: HTMLButtonElement;
  /** What is shown as finished. */
  #finished: Answer | undefined;
  #faces: Faces | undefined;
  #format: Answer['format'];
  #text = '';
  #frame = 0;

  /** `onFrame` is called after each frame that changed the text: to keep the end in view. */
  constructor({ id, format }: Answer, actions: MessageActions, onFrame: () => void) {
    this.#format = format;
    this.#actions = actions;
    this.#onFrame = onFrame;
    this.#experts = createButton('Experts', () => actions.onExperts(id));
    this.#experts.title = 'Show the experts of this answer in the panel';
    this.element.append(this.#body, this.#calls, this.#foot);
    this.#body.append(this.#caret);
  }

  get text(): string {
    return this.#text;
  }

  /** The answer goes on with this text. */
  append(text: string): void {
    this.#text += text;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#caret.remove();
      this.#markdown.update(markdownOf({ text: this.#text, format: this.#format }));
      this.#markdown.tail.append(this.#caret);
      this.#onFrame();
    });
  }

  /** The calls so far of an answer that is being written. */
  async showCalls(calls: readonly CallMade[]): Promise<void> {
    this.#made = calls;
    if (calls.length === 0 && this.#calls.childElementCount === 0) return;
    const { createCallCards } = await loadCallViews();
    if (this.#made !== calls) return; // more of them came while the views were loaded
    this.#calls.replaceChildren(...createCallCards(calls));
    this.#onFrame();
  }

  update({ message, fork, writing, isLast, inPanel }: Shown<Answer>): void {
    if (!writing && !isSame(message, this.#finished)) this.#finish(message);
    if (!writing) void this.#askForResults(message, isLast);
    this.#experts.ariaPressed = String(inPanel);
    this.#foot.querySelector('.fork')?.remove();
    if (fork && !writing) {
      this.#foot.prepend(createForkSwitch(fork, 'answer', (id, direction) => this.#actions.onChoose(id, direction)));
    }
  }

  #finish(answer: Answer): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#finished = answer;
    this.#text = answer.text;
    this.#format = answer.format;
    this.#caret.remove();
    this.#markdown.finish(markdownOf(answer));
    void this.showCalls(callsOf(answer));
    this.element.ariaBusy = 'false';
    this.#faces?.remove();
    this.#faces = new Faces(answer, this.#body, this.#onFrame);
    const tools = create('div', { className: 'actions' }, ...this.#faces.buttons);
    if (answer.text !== '') tools.append(createCopyButton(() => answer.text));
    tools.append(createAskButton('Regenerate', () => this.#actions.onRegenerate(answer.id)));
    if (answer.routes) tools.append(this.#experts);
    const facts = describeAnswer(answer).map((fact) => create('span', {}, fact));
    this.#foot.replaceChildren(create('p', { className: 'stats', dir: 'ltr' }, ...facts), tools);
    this.#onFrame();
  }

  /** Where the calls are the last word, there is a form for what they return. */
  async #askForResults(answer: Answer, isLast: boolean): Promise<void> {
    const calls = callsOf(answer);
    if (calls.length === 0) return;
    const { createResultForm } = await loadCallViews();
    const form = this.#calls.querySelector('.results-form');
    if (!isLast) form?.remove();
    else if (!form) {
      this.#calls.append(createResultForm(calls, [], (results) => this.#actions.onResults(answer.id, results)));
      this.#onFrame();
    }
  }
}

function isSame(answer: Answer, other: Answer | undefined): boolean {
  const sameParts = !answer.stats === !other?.stats && !answer.routes === !other?.routes;
  return answer.text === other?.text && answer.outcome === other.outcome && sameParts;
}
