/** What the element tells its page. All events bubble and cross shadow roots. */
import type { LoadProgress } from '../index.ts';
import type { ChatState, ElementMessage, Outcome } from './conversation.ts';

/** `detail` by event. */
export interface OutriderChatEvents {
  /** The model is loaded; again after each new load. */
  'outrider-ready': { readonly model: string };
  /** While loading. */
  'outrider-progress': LoadProgress;
  /** A message is complete: a question, an answer, or a tool's result. */
  'outrider-message': { readonly message: ElementMessage; readonly outcome: Outcome };
  /** Loading or answering failed; the element shows it too. */
  'outrider-error': { readonly error: unknown };
  'outrider-state': { readonly state: ChatState };
}

export type OutriderChatEventMap = {
  readonly [name in keyof OutriderChatEvents]: CustomEvent<OutriderChatEvents[name]>;
};

export function tell<Name extends keyof OutriderChatEvents>(
  target: EventTarget,
  name: Name,
  detail: OutriderChatEvents[Name],
): void {
  target.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
}

declare global {
  interface HTMLElementEventMap extends OutriderChatEventMap {}
}
