/**
 * Markdown that cannot reach the network. A model's answer is untrusted text: raw HTML in it is shown as text, links
 * open elsewhere without a referrer, and an image is a button until it is pressed. DOMPurify then allows only the few
 * tags that this renderer emits, so a slip in the first layer still meets a second.
 */
import DOMPurify from 'dompurify';
import { Marked, type Token } from 'marked';
import { create, createCopyButton } from '../../shared/dom.ts';

const markdown = new Marked({
  gfm: true,
  renderer: {
    html({ text, block }) {
      if (/^<br\s*\/?>$/i.test(text.trim())) return '<br>';
      return block ? `<p>${escapeHtml(text)}</p>` : escapeHtml(text);
    },
    image: ({ href, text }) => `<span data-image="${escapeHtml(href)}">${escapeHtml(text)}</span>`,
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
  },
});

const policy = {
  ALLOWED_TAGS:
    'p br hr h1 h2 h3 h4 h5 h6 strong em del code pre blockquote ul ol li table thead tbody tr th td a span'.split(' '),
  ALLOWED_ATTR: ['href', 'start', 'align', 'class', 'data-image'],
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i, // no javascript:, and no relative links into this page
  ADD_URI_SAFE_ATTR: ['start', 'align'], // their values are no addresses
  RETURN_DOM_FRAGMENT: true as const,
};

/** Elements that a next token may extend. */
const growing = 'p, ul, ol, li, blockquote, h1, h2, h3, h4, h5, h6, figure, pre, code';

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** One top-level block of an answer: its source and the nodes that show it. */
interface Block {
  readonly raw: string;
  readonly nodes: readonly ChildNode[];
}

/**
 * Shows growing Markdown inside `container`. While text arrives only the last block is parsed again, so a frame costs
 * the same at the end of a long answer as at its start; `finish` parses the whole once, because a link definition may
 * stand after its use. Nodes whose source did not change are never touched: selection and focus survive.
 */
export class MarkdownView {
  readonly #container: HTMLElement;
  #blocks: Block[] = [];

  constructor(container: HTMLElement) {
    this.#container = container;
  }

  /** Shows `text`, which extends the text of the call before. */
  update(text: string): void {
    // A block is final once another one stands below it; blank lines do not count, a list may go on after them.
    const open = this.#blocks.findLastIndex((block) => block.nodes.length > 0);
    const kept = this.#blocks.slice(0, Math.max(0, open));
    const start = kept.reduce((length, block) => length + block.raw.length, 0);
    this.#show([...kept, ...this.#render(kept.length, markdown.lexer(text.slice(start)))]);
  }

  /** Shows the finished `text`. */
  finish(text: string): void {
    if (/^ {0,3}\[[^\]]+\]:/m.test(text)) this.#show([]); // a link definition changes blocks whose source stays
    this.#show(this.#render(0, markdown.lexer(text)));
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

  #render(from: number, tokens: Token[]): Block[] {
    return tokens.map((token, index) => {
      const before = this.#blocks[from + index];
      return before?.raw === token.raw ? before : { raw: token.raw, nodes: [...renderBlock(token).childNodes] };
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
}

function renderBlock(token: Token): DocumentFragment {
  const fragment = DOMPurify.sanitize(markdown.parser([token]), policy);
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noreferrer noopener';
  }
  for (const image of fragment.querySelectorAll<HTMLElement>('span[data-image]')) image.replaceWith(remoteImage(image));
  for (const pre of fragment.querySelectorAll('pre')) frameCode(pre);
  for (const table of fragment.querySelectorAll('table')) {
    const frame = create('div', { className: 'table', tabIndex: 0 });
    table.replaceWith(frame);
    frame.append(table);
  }
  return fragment;
}

function frameCode(pre: HTMLPreElement): void {
  const code = pre.querySelector('code');
  const language = /language-(\S+)/.exec(code?.className ?? '')?.[1] ?? '';
  const figure = create('figure', { className: 'code' });
  pre.replaceWith(figure);
  pre.tabIndex = 0; // long lines scroll, by keyboard too
  figure.append(
    create(
      'figcaption',
      {},
      create('span', {}, language),
      createCopyButton(() => pre.textContent),
    ),
    pre,
  );
}

/** A button that fetches the picture when pressed: until then nobody learns that the answer was read. */
function remoteImage({ dataset, textContent }: HTMLElement): HTMLElement {
  const address = dataset.image ?? '';
  const name = textContent || 'Picture';
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return create('span', { className: 'remote-image' }, name); // relative: there is nothing here that it could mean
  }
  const button = create('button', { type: 'button', className: 'remote-image', title: url.href });
  button.append(create('span', {}, name), create('small', {}, `Load from ${url.host || url.protocol}`));
  button.addEventListener('click', async (event) => {
    event.preventDefault(); // the picture may stand inside a link
    button.disabled = true;
    try {
      const response = await fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer' });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const picture = create('img', { alt: name, src: URL.createObjectURL(await response.blob()) });
      picture.addEventListener('load', () => URL.revokeObjectURL(picture.src));
      button.replaceWith(picture);
    } catch {
      button.lastElementChild!.textContent = `${url.host} does not allow this page to load it`;
    }
  });
  return button;
}
