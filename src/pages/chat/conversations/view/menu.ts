/** A menu below a button: arrows move in it, Escape and a click elsewhere close it. */
import { create } from '../../../shared/dom.ts';

export interface MenuItem {
  readonly label: string;
  readonly run: () => void;
}

const gap = 4; // px, to the button and to the window's edge

export function openMenu(button: HTMLButtonElement, items: readonly MenuItem[]): void {
  const menu = create('div', { className: 'menu', role: 'menu', popover: 'auto' });
  const buttons = items.map(({ label, run }) => {
    const item = create('button', { type: 'button', role: 'menuitem', tabIndex: -1 }, label);
    item.addEventListener('click', () => {
      menu.hidePopover();
      run();
    });
    return item;
  });
  menu.append(...buttons);
  menu.addEventListener('keydown', (event) => {
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 };
    const to = moves[event.key];
    if (event.key === 'Tab') menu.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    buttons.at(to % buttons.length)?.focus();
  });
  menu.addEventListener('toggle', ({ newState }) => {
    button.ariaExpanded = String(newState === 'open');
    if (newState === 'closed') menu.remove();
  });
  button.after(menu); // next to it, so that a drawer that it stands in stays open
  menu.showPopover();
  place(menu, button.getBoundingClientRect());
  buttons[0]?.focus();
}

/** Below the button, or above it where there is no room, its end at the button's end. */
function place(menu: HTMLElement, { right, top, bottom }: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const isBelow = bottom + gap + height <= window.innerHeight;
  menu.style.left = `${Math.max(gap, Math.min(right - width, window.innerWidth - width - gap))}px`;
  menu.style.top = `${isBelow ? bottom + gap : Math.max(gap, top - gap - height)}px`;
}
