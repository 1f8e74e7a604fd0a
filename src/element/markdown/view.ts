/** Growing Markdown on a page, block by block. */
import { Lexer, type Token } from 'marked';
import { type Rendered, renderToken } from './render.ts';
import { type MarkdownWords, markdownWords } from './words.ts';

/**
 * Colours for a code block: the node that takes the plain text's place, or undefined where the language is not known.
 * Asked once per block, when no more of it can come.
 */
export type Highlighter = (code: string, language: string) => Promise<Node | undefined> | undefined;

export interface MarkdownOptions {
  readonly words?: MarkdownWords | undefined;
  /** Default: code stays plain. */
  readonly highlight?: Highlighter | undefined;
}

/** One top-level block of an answer: its source and the nodes that show it. */
interface Block extends Rendered {
  readonly raw: string;
  isFinal: boolean;
}

/** Elements that a next token may extend. */
const growing = 'p, ul, ol, li, blockquote, h1, h2, h3, h4, h5, h6, figure, pre, code';

/**
 * Shows growing Markdown inside `container`. While text arrives only the last block is parsed again, so a frame costs
 * the same at the end of a long answer as at its start; `finish` parses the whole once, because a link definition may
 * stand after its use. Nodes whose source did not change are never touched: selection and focus survive.
 *
 * It needs no style attributes, no HTML parser and no network. Its classes are styled by `prose.css`.
 */
export class MarkdownView {
  readonly #container: HTMLElement;
  readonly #words: MarkdownWords;
  readonly #highlight: Highlighter | undefined;
  #blocks: Block[] = [];

  constructor(container: HTMLElement, { words = markdownWords, highlight }: MarkdownOptions = {}) {
    this.#container = container;
    this.#words = words;
    this.#highlight = highlight;
  }

  /** Shows `text`, which extends the text of the call before. */
  update(text: string): void {
    const source = unixLines(text);
    // A block is final once another one stands below it; blank lines do not count, a list may go on after them.
    const open = this.#blocks.findLastIndex((block) => block.nodes.length > 0);
    const kept = this.#blocks.slice(0, Math.max(0, open));
    const start = kept.reduce((length, block) => length + block.raw.length, 0);
    this.#show([...kept, ...this.#render(kept.length, lex(source.slice(start)))]);
    const last = this.#blocks.findLastIndex((block) => block.nodes.length > 0);
    this.#settle(this.#blocks.slice(0, Math.max(0, last)));
  }

  /** Shows the finished `text`. */
  finish(text: string): void {
    const source = unixLines(text);
    if (/^ {0,3}\[[^\]]+\]:/m.test(source)) this.#show([]); // a link definition changes blocks whose source stays
    this.#show(this.#render(0, lex(source)));
    this.#settle(this.#blocks);
  }

  /** The element that the next word will be part of: where the caret belongs. */
  get tail(): HTMLElement {
    let tail = this.#container;
    for (;;) {
      const last = tail.lastElementChild;
      if (!(last instanceof HTMLElement) || !last.matches(growing) || last.nextSibling?.textContent?.trim())
        return tail;
      tail = last;
    }
  }

  #render(from: number, tokens: readonly Token[]): Block[] {
    return tokens.map((token, index) => {
      const before = this.#blocks[from + index];
      if (before?.raw === token.raw) return before;
      return { raw: token.raw, isFinal: false, ...renderToken(token, this.#words) };
    });
  }

  #show(blocks: Block[]): void {
    const kept = new Set(blocks);
    for (const block of this.#blocks) if (!kept.has(block)) for (const node of block.nodes) node.remove();
    let next: ChildNode | null = null;
    for (const node of blocks.flatMap((block) => block.nodes).reverse()) {
      if (node.parentNode !== this.#container) this.#container.insertBefore(node, next);
      next = node;
    }
    this.#blocks = blocks;
  }

  #settle(blocks: readonly Block[]): void {
    if (!this.#highlight) return;
    for (const block of blocks) {
      if (block.isFinal) continue;
      block.isFinal = true;
      for (const { element, text, language } of block.codes) {
        this.#highlight(text, language)?.then(
          (node) => node && element.replaceChildren(node),
          () => {}, // colours that could not be fetched leave the code as it is: plain, and complete
        );
      }
    }
  }
}

/** The lexer reads all line ends as `\n`; blocks are found again by the lengths of their sources. */
function unixLines(text: string): string {
  return text.replace(/\r\n?/g, '\n');
}

/** The lexer recurses into nested quotes: what is nested beyond the stack is one paragraph of plain text. */
function lex(text: string): readonly Token[] {
  try {
    return Lexer.lex(text, { gfm: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [{ type: 'paragraph', raw: text, text, tokens: [{ type: 'escape', raw: text, text }] }];
  }
}
