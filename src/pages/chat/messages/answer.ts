/** One answer on the page: streams in by animation frames, then shows how it ended and what it cost. */
import { MarkdownView } from '../../../element/markdown/view.ts';
import { create, createCopyButton } from '../../shared/dom.ts';
import { formatCount, formatRate } from '../../shared/format.ts';
import type { AnswerStats, Outcome } from '../conversation.ts';
import { createAskButton } from './ask-button.ts';

const outcomes: Record<Outcome, string> = {
  complete: '',
  length: 'Cut off at the token limit',
  stopped: 'Stopped',
  failed: 'Interrupted',
};

export class AnswerView {
  readonly element = create('article', { className: 'answer', dir: 'auto' });
  readonly #body = create('div', { className: 'prose' });
  readonly #foot = create('footer', { className: 'foot' });
  readonly #caret = create('span', { className: 'caret', ariaHidden: 'true' });
  readonly #markdown = new MarkdownView(this.#body);
  readonly #onFrame: () => void;
  #text = '';
  #frame = 0;

  /** `onFrame` is called after each frame that changed the text: to keep the end in view. */
  constructor(onFrame: () => void) {
    this.#onFrame = onFrame;
    this.element.ariaLabel = 'Answer';
    this.element.ariaBusy = 'true';
    this.element.append(this.#body, this.#foot);
    this.#body.append(this.#caret);
  }

  get text(): string {
    return this.#text;
  }

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

  /** The final state; `onRegenerate` is there for the conversation's last answer only. */
  finish(outcome: Outcome, stats: AnswerStats | undefined, onRegenerate?: () => void): void {
    cancelAnimationFrame(this.#frame);
    this.#caret.remove();
    this.#markdown.finish(this.#text);
    this.element.ariaBusy = 'false';
    this.#foot.replaceChildren(create('p', { className: 'stats', dir: 'ltr' }, ...describe(outcome, stats)));
    const tools = create('div', { className: 'actions' });
    if (this.#text !== '') tools.append(createCopyButton(() => this.#text));
    if (onRegenerate) tools.append(createAskButton('Regenerate', onRegenerate));
    this.#foot.append(tools);
    this.#onFrame();
  }

  /** A later answer took over the place at the end: this one cannot be regenerated any more. */
  settle(): void {
    for (const button of this.#foot.querySelectorAll('button'))
      if (button.textContent === 'Regenerate') button.remove();
  }
}

function describe(outcome: Outcome, stats: AnswerStats | undefined): HTMLElement[] {
  const facts: string[] = [];
  if (outcome !== 'complete') facts.push(outcomes[outcome]);
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
