/** The text of one answer on the page: grows by animation frames, whatever the number of tokens between them. */
import { create, createCopyButton } from './dom.ts';
import { type Highlighter, MarkdownView } from './markdown/view.ts';
import type { MarkdownWords } from './markdown/words.ts';

export class AnswerView {
  readonly element = create('div', { className: 'prose', dir: 'auto' });
  /** Copies the answer's Markdown. */
  readonly copyButton: HTMLButtonElement;
  readonly #caret = create('span', { className: 'caret', ariaHidden: 'true' });
  readonly #markdown: MarkdownView;
  readonly #onFrame: () => void;
  #text = '';
  #isDone = false;
  #frame = 0;

  /** `onFrame` is called after each change of the text: to keep the end in view. */
  constructor(words: MarkdownWords, highlight: Highlighter | undefined, onFrame: () => void) {
    this.#markdown = new MarkdownView(this.element, { words, highlight });
    this.copyButton = createCopyButton(() => this.#text, words);
    this.#onFrame = onFrame;
    this.element.setAttribute('part', 'answer');
    this.element.append(this.#caret);
  }

  /** Shows `text` by the next frame; `isDone` says that no more will come. */
  show(text: string, isDone: boolean): void {
    if (text === this.#text && isDone === this.#isDone) return;
    this.#text = text;
    this.#isDone = isDone;
    if (isDone) {
      cancelAnimationFrame(this.#frame);
      this.#draw();
    } else this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#frame = 0;
    this.#caret.remove();
    if (this.#isDone) this.#markdown.finish(this.#text);
    else {
      this.#markdown.update(this.#text);
      this.#markdown.tail.append(this.#caret);
    }
    this.#onFrame();
  }
}
