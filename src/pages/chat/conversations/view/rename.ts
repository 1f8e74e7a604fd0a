/** A field in the place of a conversation's title. */
import { create } from '../../../shared/dom.ts';

/** Enter and leaving the field keep what is typed, Escape does not. @param onRename not called for the same title */
export function renameInPlace(button: HTMLButtonElement, current: string, onRename: (title: string) => void): void {
  const field = create('input', { type: 'text', value: current, maxLength: 200, dir: 'auto', ariaLabel: 'Title' });
  let isOpen = true;
  const close = (keeps: boolean, refocuses: boolean) => {
    if (!isOpen) return;
    isOpen = false;
    const title = field.value.trim();
    field.replaceWith(button);
    if (refocuses) button.focus();
    if (keeps && title !== '' && title !== current) onRename(title);
  };
  field.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    if (event.key !== 'Enter' && event.key !== 'Escape') return;
    event.preventDefault(); // Enter would press the title that gets the focus, Escape close the drawer
    event.stopPropagation();
    close(event.key === 'Enter', true);
  });
  field.addEventListener('blur', () => close(true, false));
  button.replaceWith(field);
  field.focus();
  field.select();
}
