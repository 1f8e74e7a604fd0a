/**
 * Keyboard shortcuts. Single keys count only while nothing is typed in, so none of the browser's own is taken away, and
 * they can be switched off: whoever speaks to the computer would press them by accident.
 */
import { readJson, writeJson } from '../shared/storage.ts';

export interface Shortcut {
  /** As `KeyboardEvent.key` names it. */
  readonly key: string;
  readonly label: string;
  readonly run: () => void;
}

const storageKey = 'outrider.shortcuts';

export const areShortcutsOn = (): boolean => readJson('localStorage', storageKey) !== false;
export const switchShortcuts = (on: boolean): void => writeJson('localStorage', storageKey, on ? undefined : false);

/** @param onHelp for `?`, and for Ctrl+/ or ⌘/ wherever the keyboard is */
export function setUpShortcuts(shortcuts: readonly Shortcut[], onHelp: () => void): void {
  document.addEventListener('keydown', (event) => {
    if (event.isComposing || event.defaultPrevented || event.repeat || event.altKey || isCovered()) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.key !== '/') return;
      event.preventDefault();
      onHelp();
      return;
    }
    if (!areShortcutsOn() || isTypedIn(event.target)) return;
    const run = event.key === '?' ? onHelp : shortcuts.find(({ key }) => key === event.key)?.run;
    if (!run) return;
    event.preventDefault(); // the key must not be typed where it moves the focus to
    run();
  });
}

/** Something is open on top of the page: the keys are its own. */
export const isCovered = (): boolean =>
  document.querySelector('[popover]:not([popover="manual"]):popover-open, dialog[open]') !== null;

function isTypedIn(element: EventTarget | null): boolean {
  return element instanceof HTMLElement && (element.matches('input, textarea, select') || element.isContentEditable);
}
