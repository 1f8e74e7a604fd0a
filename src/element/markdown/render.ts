/**
 * Markdown's tokens as DOM nodes. A model's answer is untrusted text: every node is built here by its name, so HTML in an
 * answer is text, a link leads only to the web or to mail, and nothing is fetched. No markup is ever parsed, hence nothing
 * has to be sanitized, and a page with Trusted Types has nothing to object to.
 */
import type { MarkedToken, Token, Tokens } from 'marked';
import { create, createCopyButton } from '../dom.ts';
import { decodeEntities } from './entities.ts';
import { remoteImage, webAddress } from './image.ts';
import type { MarkdownWords } from './words.ts';

/** A code block on the page. */
export interface ShownCode {
  /** The `<code>`; it holds `text`. */
  readonly element: HTMLElement;
  readonly text: string;
  /** As the answer names it, '' for none. */
  readonly language: string;
}

/** What is built of one top-level token. */
export interface Rendered {
  readonly nodes: readonly ChildNode[];
  readonly codes: readonly ShownCode[];
}

/** Deeper nesting is shown as its source: browsers lay out by recursion, and a looping model can nest without end. */
const maxDepth = 24;

export function renderToken(token: Token, words: MarkdownWords): Rendered {
  const builder = new Builder(words);
  const nodes = builder.build([token], 0).map((node) => (typeof node === 'string' ? new Text(node) : node));
  return { nodes, codes: builder.codes };
}

type Built = ChildNode | string;

class Builder {
  readonly codes: ShownCode[] = [];
  readonly #words: MarkdownWords;

  constructor(words: MarkdownWords) {
    this.#words = words;
  }

  build(tokens: readonly Token[] | undefined, depth: number, inLink = false): Built[] {
    if (depth > maxDepth) return (tokens ?? []).map(({ raw }) => raw);
    return (tokens ?? []).flatMap((token) => this.#one(token as MarkedToken, depth + 1, inLink));
  }

  #one(token: MarkedToken, depth: number, inLink: boolean): Built[] {
    const inside = () => this.build('tokens' in token ? token.tokens : [], depth, inLink);
    switch (token.type) {
      case 'paragraph':
        return [create('p', {}, ...inside())];
      case 'heading':
        return [create(`h${Math.min(6, token.depth)}` as 'h1', {}, ...inside())];
      case 'blockquote':
        return [create('blockquote', {}, ...inside())];
      case 'list':
        return [this.#list(token, depth)];
      case 'table':
        return [this.#table(token, depth)];
      case 'code':
        return [this.#code(token)];
      case 'hr':
        return [create('hr')];
      case 'strong':
      case 'em':
      case 'del':
        return [create(token.type, {}, ...inside())];
      case 'codespan':
        return [create('code', {}, token.text)];
      case 'br':
        return [create('br')];
      case 'checkbox':
        return [token.checked ? '☑ ' : '☐ '];
      case 'link':
        return [this.#link(token, depth, inLink)];
      case 'image':
        return [this.#image(token, inLink)];
      case 'html':
        return [this.#html(token)];
      case 'escape':
        return [token.text];
      case 'text':
        // A list item's text holds tokens of its own.
        return 'tokens' in token && token.tokens ? inside() : [decodeEntities(token.text)];
      case 'space':
      case 'def':
        return [];
      default:
        return [(token as Token).raw];
    }
  }

  #list(token: Tokens.List, depth: number): HTMLElement {
    const items = token.items.map(({ task, tokens }) =>
      create('li', task ? { className: 'task' } : {}, ...this.build(tokens, depth)),
    );
    if (!token.ordered) return create('ul', {}, ...items);
    const start = Number(token.start);
    return create('ol', start === 1 ? {} : { start }, ...items);
  }

  #table({ header, rows }: Tokens.Table, depth: number): HTMLElement {
    const row = (tag: 'th' | 'td', cells: readonly Tokens.TableCell[]) =>
      create(
        'tr',
        {},
        ...cells.map(({ tokens, align }) => {
          const cell = create(tag, align ? { className: `align-${align}` } : {}, ...this.build(tokens, depth));
          // Headings of columns; an empty one heads nothing.
          return tag === 'th' && cell.textContent?.trim() ? Object.assign(cell, { scope: 'col' }) : cell;
        }),
      );
    const head = create('thead', {}, row('th', header));
    const body = create('tbody', {}, ...rows.map((cells) => row('td', cells)));
    return this.#scrolling(
      'div',
      'table',
      this.#words.table,
      create('table', {}, head, ...(rows.length > 0 ? [body] : [])),
    );
  }

  #code({ text, lang }: Tokens.Code): HTMLElement {
    const language = /^\S*/.exec(lang ?? '')![0];
    const element = create('code', {}, text);
    this.codes.push({ element, text, language });
    const caption = create(
      'figcaption',
      {},
      create('span', {}, language),
      createCopyButton(() => text, this.#words),
    );
    const box = this.#scrolling('pre', '', this.#words.code(language), element);
    return create('figure', { className: 'code' }, caption, box);
  }

  /** What is wider than the answer scrolls by itself, by keyboard too, and says what it is. */
  #scrolling(tag: 'div' | 'pre', className: string, ariaLabel: string, ...children: Node[]): HTMLElement {
    return create(tag, { ...(className && { className }), tabIndex: 0, role: 'group', ariaLabel }, ...children);
  }

  #link(token: Tokens.Link, depth: number, inLink: boolean): Built {
    const address = decodeEntities(token.href);
    const isMail = /^mailto:/i.test(address);
    if (inLink || !(isMail || webAddress(address)))
      return create('span', {}, ...this.build(token.tokens, depth, inLink));
    const children = this.build(token.tokens, depth, true);
    return create('a', { href: address, target: '_blank', rel: 'noreferrer noopener' }, ...children);
  }

  /** Inside a link a picture is its description: a button there could not be told from the link. */
  #image({ href, text }: Tokens.Image, inLink: boolean): Built {
    if (inLink) return text || this.#words.picture;
    return remoteImage(decodeEntities(href), decodeEntities(text), this.#words);
  }

  /** Shown as it was written, but for a line break, which tables have no other way to write. */
  #html({ text, block }: Tokens.HTML | Tokens.Tag): Built {
    if (/^<br\s*\/?>$/i.test(text.trim())) return create('br');
    return block ? create('p', {}, text) : text;
  }
}
