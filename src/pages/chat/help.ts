/** The dialog that lists the keyboard shortcuts. Loaded when it is opened. */
import { create } from '../shared/dom.ts';
import { createDialog } from './dialog.ts';
import { areShortcutsOn, type Shortcut, switchShortcuts } from './shortcuts.ts';

/** Keys that belong to a place on the page, and always count. */
const always: readonly (readonly [keys: readonly string[], label: string])[] = [
  [['Enter'], 'Send the message'],
  [['Shift', 'Enter'], 'Break the line'],
  [['↑'], 'Edit your last message, from the empty field'],
  [['Esc'], 'Stop the answer; else leave the field, for the single keys'],
  [[/Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl', '/'], 'These shortcuts'],
];

export function openHelp(shortcuts: readonly Shortcut[]): void {
  const on = create('input', { type: 'checkbox', checked: areShortcutsOn() });
  const single = create('section', {}, create('h3', {}, 'Outside the text field'));
  const list = listOf([
    ...shortcuts.map(({ key, label }) => [[key.toUpperCase()], label] as const),
    [['?'], 'These shortcuts'],
  ]);
  const show = () => list.classList.toggle('off', !on.checked);
  on.addEventListener('change', () => {
    switchShortcuts(on.checked);
    show();
  });
  show();
  single.append(list, create('label', { className: 'check' }, on, create('span', {}, 'Use single keys')));
  const everywhere = create('section', {}, create('h3', {}, 'Always'), listOf(always));
  const body = create('div', { className: 'shortcuts' }, single, everywhere);
  createDialog('shortcuts', 'Keyboard shortcuts', body).showModal();
}

function listOf(entries: readonly (readonly [keys: readonly string[], label: string])[]): HTMLElement {
  const rows = entries.flatMap(([keys, label]) => [
    create('dt', {}, ...keys.map((key) => create('kbd', {}, key))),
    create('dd', {}, label),
  ]);
  return create('dl', {}, ...rows);
}
