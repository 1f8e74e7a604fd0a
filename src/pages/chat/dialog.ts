/** A modal dialog that exists while it is open: title, close button, body. */
import { create, createIconButton } from '../shared/dom.ts';

/** Makes the dialog; `showModal` shows it. Escape and a click beside it close it, and it is gone then. */
export function createDialog(id: string, title: string, ...body: readonly Node[]): HTMLDialogElement {
  document.getElementById(id)?.remove();
  const dialog = create('dialog', { id, className: 'dialog' });
  const heading = create('h2', { id: `${id}-title`, tabIndex: -1, autofocus: true }, title);
  const close = createIconButton('close', 'Close', () => dialog.close());
  dialog.setAttribute('aria-labelledby', heading.id);
  dialog.append(
    create('header', { className: 'dialog-head' }, heading, close),
    create('div', { className: 'dialog-body' }, ...body),
  );
  // Not `closedby`: Safari does not know it.
  dialog.addEventListener('click', ({ target }) => {
    if (target === dialog) dialog.close();
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  return dialog;
}
