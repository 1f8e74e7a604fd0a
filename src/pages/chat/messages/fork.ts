/** The switch between the branches of a conversation: `‹ 2/3 ›`. */
import { create, createIconButton } from '../../shared/dom.ts';
import type { Fork } from '../conversations/tree.ts';

/** A way to move along the branches. */
export type Direction = 'previous' | 'next';

/**
 * @param what the messages that it switches between, for screen readers: `question`, `answer`
 * @param onMove shows the message with this id
 */
export function createForkSwitch(
  { ids, at }: Fork,
  what: string,
  onMove: (id: string, direction: Direction) => void,
): HTMLElement {
  const move = (direction: Direction, label: string, to: number) => {
    const button = createIconButton(direction, `${label} ${what}`, () => onMove(ids[to]!, direction));
    button.dataset.move = direction;
    button.disabled = ids[to] === undefined;
    return button;
  };
  const place = create('span', { className: 'fork-place' }, `${at + 1}/${ids.length}`);
  const element = create('div', { className: 'fork', role: 'group', dir: 'ltr' });
  element.ariaLabel = `Version ${at + 1} of ${ids.length}`;
  element.append(move('previous', 'Previous', at - 1), place, move('next', 'Next', at + 1));
  return element;
}

/** Where keyboard focus goes after a move: to the same button of the branch that is shown now. */
export function focusForkSwitch(within: HTMLElement, direction: Direction): void {
  const buttons = [...within.querySelectorAll<HTMLButtonElement>('[data-move]')].filter(({ disabled }) => !disabled);
  (buttons.find(({ dataset }) => dataset.move === direction) ?? buttons[0])?.focus();
}
