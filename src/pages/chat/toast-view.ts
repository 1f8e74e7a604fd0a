/** A line at the page's foot about what has just happened, with at most one thing to do about it. */
import { byId, create, createButton, createIconButton } from '../shared/dom.ts';

export interface Toast {
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
  /** Stays until it is closed; else it goes by itself. */
  readonly stays?: boolean | undefined;
}

const shownMs = 10_000;

/** Shows it, and has screen readers say it. While the pointer or the keyboard is there it stays. */
export function addToast({ text, action, stays }: Toast): void {
  const toast = create('div', { className: 'toast' }, create('span', { className: 'toast-text' }, text));
  const region = byId('toasts');
  const close = () => {
    toast.remove();
    if (region.childElementCount === 0) region.hidePopover();
  };
  if (action) {
    toast.append(
      createButton(action.label, () => {
        close();
        action.run();
      }),
    );
  }
  toast.append(createIconButton('close', 'Close', close));
  region.append(toast);
  region.hidePopover();
  region.showPopover(); // above a drawer that is open
  byId('announcer').append(create('p', {}, text)); // a region that was hidden until now is not read out
  if (stays) return;
  let timer = window.setTimeout(close, shownMs);
  const hold = () => clearTimeout(timer);
  const release = () => {
    hold();
    timer = window.setTimeout(close, shownMs);
  };
  for (const event of ['pointerenter', 'focusin']) toast.addEventListener(event, hold);
  for (const event of ['pointerleave', 'focusout']) toast.addEventListener(event, release);
}
