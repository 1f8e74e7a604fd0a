/** The few DOM moves that the pages repeat. */

/** The element with this id; the page's markup is ours, so a missing one is a programming error. */
export function byId<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element with the id "${id}"`);
  return element as T;
}

/** A new element with properties and children. Text children become text nodes, never markup. */
export function create<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A small text button; `type` is never the submitting default. */
export function createButton(label: string, onClick: (button: HTMLButtonElement) => void): HTMLButtonElement {
  const button = create('button', { type: 'button', className: 'quiet' }, label);
  button.addEventListener('click', () => onClick(button));
  return button;
}

/** A button that copies what `text` returns and says for a moment how that went. */
export function createCopyButton(text: () => string, label = 'Copy'): HTMLButtonElement {
  return createButton(label, async (button) => {
    button.textContent = await navigator.clipboard.writeText(text()).then(
      () => 'Copied',
      () => 'Not allowed', // the browser or a policy denies clipboard access
    );
    setTimeout(() => {
      button.textContent = label;
    }, 1500);
  });
}
