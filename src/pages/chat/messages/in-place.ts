/** Editing a message where it stands: something else takes the place of its content, and gives it back. */

/** Ways out of an edit. */
export interface InPlace {
  /** What was there is back. */
  close(): void;
  /** The same, and the keyboard is where the edit began. */
  cancel(): void;
}

/** @param message marked as `editing` until it is closed @param contentOf what takes the place; gets the ways out */
export function editInPlace(message: HTMLElement, contentOf: (ways: InPlace) => readonly Node[]): void {
  const children = [...message.childNodes];
  const close = () => {
    message.classList.remove('editing');
    message.replaceChildren(...children);
  };
  const cancel = () => {
    close();
    message.querySelector<HTMLElement>('.actions button')?.focus();
  };
  message.replaceChildren(...contentOf({ close, cancel }));
  message.classList.add('editing');
}

export const isEdited = (message: HTMLElement) => message.classList.contains('editing');
