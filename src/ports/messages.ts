/** What is said over the port of one call that goes on for a while. */
import type { WireError } from './errors.ts';

/** From who asked, on the port of one call. */
export type ToSender =
  /** So many more items may be sent. Only streams wait for it. `returned` moved with items, and moves back to be used again. */
  | { readonly type: 'credit'; readonly items: number; readonly returned?: readonly Transferable[] }
  /** The result is not wanted any more. */
  | { readonly type: 'stop' };

/** To who asked, on the port of one call. A stream ends with `end` or `error`. */
export type FromSender<T> =
  | { readonly type: 'item'; readonly item: T }
  | { readonly type: 'end' }
  | { readonly type: 'error'; readonly error: WireError };
