/** The few DOM moves that the element and the pages repeat. */

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

/** What a copy button says, before and after. */
export interface CopyWords {
  readonly copy: string;
  readonly copied: string;
  /** The browser or a policy denies access to the clipboard. */
  readonly copyDenied: string;
}

const answerMs = 1500;

/** A button that copies what `text` returns and says for a moment how that went. */
export function createCopyButton(text: () => string, words: CopyWords): HTMLButtonElement {
  const button = create('button', { type: 'button', className: 'quiet' }, words.copy);
  button.addEventListener('click', async () => {
    button.textContent = (await copyText(text())) ? words.copied : words.copyDenied;
    setTimeout(() => {
      button.textContent = words.copy;
    }, answerMs);
  });
  return button;
}

/** @returns whether the text is in the clipboard now; pages over plain http have no clipboard at all */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
