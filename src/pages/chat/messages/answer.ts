/** One answer on the page: streams in by animation frames, then shows how it ended and what it cost. */
import { MarkdownView } from '../../../element/markdown/view.ts';
import { create, createCopyButton } from '../../shared/dom.ts';
import { formatCount, formatRate } from '../../shared/format.ts';
import type { Answer, Outcome } from '../conversations/tree.ts';
import { createAskButton } from './ask-button.ts';
import { createForkSwitch } from './fork.ts';
import type { MessageActions, MessageView, Shown } from './view.ts';

const endings: Record<Outcome, string> = {
  complete: '',
  length: 'Cut off at the token limit',
  stopped: 'Stopped',
  failed: 'Interrupted',
};

export class AnswerView implements MessageView<Answer> {
  readonly element = create('article', { className: 'answer', dir: 'auto', ariaLabel: 'Answer', ariaBusy: 'true' });
  readonly #body = create('div', { className: 'prose' });
  readonly #foot = create('footer', { className: 'foot' });
  readonly #caret = create('span', { className: 'caret', ariaHidden: 'true' });
  readonly #markdown = new MarkdownView(this.#body);
  readonly #actions: MessageActions;
  readonly #onFrame: () => void;
  /** What is shown as finished. */
  #finished: Answer | undefined;
  #text = '';
  #frame = 0;

  /** `onFrame` is called after each frame that changed the text: to keep the end in view. */
  constructor(actions: MessageActions, onFrame: () => void) {
    this.#actions = actions;
    this.#onFrame = onFrame;
    this.element.append(this.#body, this.#foot);
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
      this.#markdown.update(this.#text);
      this.#markdown.tail.append(this.#caret);
      this.#onFrame();
    });
  }

  update({ message, fork, writing }: Shown<Answer>): void {
    if (!writing && !isSame(message, this.#finished)) this.#finish(message);
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
    this.#caret.remove();
    this.#markdown.finish(answer.text);
    this.element.ariaBusy = 'false';
    const tools = create('div', { className: 'actions' });
    if (answer.text !== '') tools.append(createCopyButton(() => answer.text));
    tools.append(createAskButton('Regenerate', () => this.#actions.onRegenerate(answer.id)));
    this.#foot.replaceChildren(create('p', { className: 'stats', dir: 'ltr' }, ...describe(answer)), tools);
    this.#onFrame();
  }
}

function isSame(answer: Answer, other: Answer | undefined): boolean {
  return answer.text === other?.text && answer.outcome === other.outcome && !answer.stats === !other.stats;
}

function describe({ outcome, stats }: Answer): HTMLElement[] {
  const facts: string[] = [];
  if (outcome !== 'complete') facts.push(endings[outcome]);
  if (stats) {
    const { completionTokens, tokensPerSecond, promptTokens, cachedTokens, secondsToFirstToken } = stats;
    facts.push(formatCount(completionTokens, 'token'), `${formatRate(tokensPerSecond)} tokens/s`);
    facts.push(
      `prompt ${promptTokens.toLocaleString('en')}${cachedTokens > 0 ? `, ${cachedTokens.toLocaleString('en')} cached` : ''}`,
    );
    facts.push(`first after ${secondsToFirstToken.toFixed(secondsToFirstToken < 10 ? 2 : 0)} s`);
  }
  return facts.map((fact) => create('span', {}, fact));
}
