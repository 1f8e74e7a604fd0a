/** The keys of the message field, and its place above a screen keyboard. */

/** What the element wants done with the keys of its field. */
export interface EntryKeys {
  onEnter(): void;
  onEscape(): void;
}

/** Enter sends, Shift+Enter breaks the line, Escape stops; a composing input method keeps its keys. */
export function handleEntryKey(event: KeyboardEvent, { onEnter, onEscape }: EntryKeys): void {
  // keyCode 229: Safari reports the Enter that ends a composition after isComposing went false.
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === 'Enter' && !event.shiftKey) {
    event.preventDefault();
    onEnter();
  } else if (event.key === 'Escape') onEscape();
}

/**
 * Keeps `field` in sight while it has the focus: a screen keyboard covers a page's end without resizing the page, unless
 * that asks for it (`interactive-widget=resizes-content`).
 * @returns the function that ends it
 */
export function keepAboveKeyboard(field: HTMLElement): () => void {
  const show = () => {
    if (field.matches(':focus')) field.scrollIntoView({ block: 'nearest' });
  };
  const viewport = window.visualViewport;
  viewport?.addEventListener('resize', show);
  return () => viewport?.removeEventListener('resize', show);
}
