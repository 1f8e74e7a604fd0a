/** The few DOM moves that the pages repeat. */
import { copyText, create, createCopyButton as createButtonThatCopies } from '../../element/dom.ts';

export { copyText, create };

/** The element with this id; the page's markup is ours, so a missing one is a programming error. */
export function byId<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element with the id "${id}"`);
  return element as T;
}

/** A small text button; `type` is never the submitting default. */
export function createButton(label: string, onClick: (button: HTMLButtonElement) => void): HTMLButtonElement {
  const button = create('button', { type: 'button', className: 'quiet' }, label);
  button.addEventListener('click', () => onClick(button));
  return button;
}

/** A button that copies what `text` returns and says for a moment how that went. */
export function createCopyButton(text: () => string, label = 'Copy'): HTMLButtonElement {
  return createButtonThatCopies(text, { copy: label, copied: 'Copied', copyDenied: 'Not allowed' });
}

/** One of the symbols at the top of the page's markup. */
export function createIcon(name: string): SVGSVGElement {
  const icon = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  icon.classList.add('icon');
  icon.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#icon-${name}`);
  icon.append(use);
  return icon;
}

/** A button that shows only a symbol; the label is for screen readers, and for a pointer that waits. */
export function createIconButton(name: string, label: string, onClick: (button: HTMLButtonElement) => void) {
  const button = create('button', { type: 'button', className: 'tool', title: label, ariaLabel: label });
  button.append(createIcon(name));
  button.addEventListener('click', () => onClick(button));
  return button;
}
