/**
 * An answer token by token, tinted by how surprising each was. What is pointed at, or has the keyboard's focus, shows its
 * probability and the alternatives. Loaded with the first answer that is shown so.
 */
import { create } from '../../shared/dom.ts';
import type { ChosenToken } from '../conversations/answer.ts';
import { visible } from '../experts/grid.ts';
import { chancesOf, formatShare, surprise } from './chances.ts';

let numViews = 0;

export function createTokenView(tokens: readonly ChosenToken[]): HTMLElement {
  const tip = new Tip(`chances-${++numViews}`);
  const text = create('div', {
    className: 'tokens',
    role: 'group',
    dir: 'auto',
    ariaLabel: 'The answer’s tokens. Arrow keys move, Home and End jump to the first and the last.',
  });
  const spans = tokens.map((token, at) => {
    const span = create('span', { className: 'token', tabIndex: at === 0 ? 0 : -1, role: 'button' });
    span.append(...shownText(token.text));
    span.dataset.surprise = String(surprise(token.logprob));
    span.ariaLabel = `${visible(token.text)}, ${formatShare(Math.exp(token.logprob))}`;
    return span;
  });
  text.append(...spans);
  const indexOf = (target: EventTarget | null) =>
    target instanceof Element ? spans.indexOf(target.closest<HTMLElement>('.token')!) : -1;
  const show = (at: number) => {
    if (at >= 0) tip.show(spans[at]!, tokens[at]!);
  };
  text.addEventListener('pointerover', ({ target }) => show(indexOf(target)));
  text.addEventListener('pointerleave', () => tip.hide());
  text.addEventListener('focusin', ({ target }) => show(indexOf(target)));
  text.addEventListener('focusout', () => tip.hide());
  text.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && tip.isOpen) {
      event.stopPropagation(); // else it would also stop an answer
      tip.hide();
      return;
    }
    const next = nextIndex(event, indexOf(event.target), spans.length);
    if (next === undefined) return;
    event.preventDefault();
    spans[indexOf(event.target)]!.tabIndex = -1;
    spans[next]!.tabIndex = 0;
    spans[next]!.focus();
  });
  return create('div', { className: 'token-view' }, createLegend(), text, tip.element);
}

/** Where a key leads; undefined: it is none of ours. */
function nextIndex({ key, ctrlKey, altKey, metaKey }: KeyboardEvent, at: number, length: number): number | undefined {
  if (at < 0 || ctrlKey || altKey || metaKey) return undefined;
  const next = new Map([
    ['ArrowRight', at + 1],
    ['ArrowDown', at + 1],
    ['ArrowLeft', at - 1],
    ['ArrowUp', at - 1],
    ['Home', 0],
    ['End', length - 1],
  ]).get(key);
  return next === undefined ? undefined : Math.min(length - 1, Math.max(0, next));
}

/** Line breaks are seen as such, and break the line. */
function shownText(text: string): (string | Node)[] {
  return text === ''
    ? ['∅']
    : text.split(/(\n)/).flatMap((part) => (part === '\n' ? ['↵', create('br')] : part === '' ? [] : [part]));
}

function createLegend(): HTMLElement {
  const steps = ['90 % and more', '50 %', '20 %', '5 %', 'less'];
  const samples = steps.map((label, at) => {
    const sample = create('span', { className: 'token' }, label);
    sample.dataset.surprise = String(at);
    return sample;
  });
  return create('p', { className: 'token-legend', dir: 'ltr' }, 'Probability: ', ...samples);
}

/** The popover with a token's alternatives. */
class Tip {
  readonly element: HTMLElement;
  #token: HTMLElement | undefined;

  constructor(id: string) {
    this.element = create('div', { id, className: 'chances', popover: 'manual', role: 'tooltip', dir: 'ltr' });
  }

  get isOpen(): boolean {
    return this.#token !== undefined;
  }

  show(span: HTMLElement, token: ChosenToken): void {
    if (span === this.#token) return;
    this.hide();
    this.#token = span;
    span.setAttribute('aria-describedby', this.element.id);
    this.element.replaceChildren(createChances(token));
    this.element.showPopover();
    this.#place();
    window.addEventListener('scroll', this.#place, { capture: true, passive: true });
  }

  hide(): void {
    if (!this.#token) return;
    this.#token.removeAttribute('aria-describedby');
    this.#token = undefined;
    window.removeEventListener('scroll', this.#place, { capture: true });
    if (this.element.isConnected) this.element.hidePopover();
  }

  /** Above the token, or below it where there is no room; by the first line of a token that is broken over two. */
  readonly #place = (): void => {
    const [anchor] = this.#token?.getClientRects() ?? [];
    if (!anchor) return;
    const { width, height } = this.element.getBoundingClientRect();
    const above = anchor.top - height - 6;
    const left = Math.max(8, Math.min(anchor.left, document.documentElement.clientWidth - width - 8));
    this.element.style.left = `${left}px`;
    this.element.style.top = `${above >= 8 ? above : anchor.bottom + 6}px`;
  };
}

function createChances(token: ChosenToken): HTMLElement {
  const rows = chancesOf(token).map(({ text, share, probability, isChosen }) => {
    const bar = create('meter', { min: 0, max: 1, value: probability, ariaHidden: 'true' });
    const words = create('code', {}, visible(text) || '∅');
    const row = create('li', {}, words, create('span', {}, share, ...(isChosen ? [' · chosen'] : [])), bar);
    row.classList.toggle('chosen', isChosen);
    return row;
  });
  return create('ol', {}, ...rows);
}
