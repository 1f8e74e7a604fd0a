/** The buttons of a conversation. */
import { createButton } from '../../shared/dom.ts';

/** A button that asks the model: not there while no model is (see `.asks` in messages.css). */
export function createAskButton(label: string, onClick: () => void): HTMLButtonElement {
  const button = createButton(label, onClick);
  button.classList.add('asks');
  return button;
}
