/**
 * An async iterable through a MessagePort. The receiver grants credits, one per item, so a slow reader slows the
 * sender down instead of filling memory; nothing is computed before the first credit.
 */
import { fromWireError, toWireError } from './errors.ts';
import type { FromSender, ToSender } from './messages.ts';

/** Items that may be under way or unread, where nothing else is said. Half of them are granted anew at a time. */
export const WINDOW = 16;

/**
 * Sends `items` as far as credits allow, then how they ended, and closes the port.
 * @param controller is aborted when the receiver says stop, or by whoever knows that the receiver is gone; what `items` throws
 *   on that is not sent
 * @param transfer what of an item moves instead of being copied; default nothing
 * @param onReturned takes what has moved back, where the receiver returns it
 */
export async function sendItems<T>(
  port: MessagePort,
  items: AsyncIterableIterator<T, void, undefined>,
  controller: AbortController,
  transfer: (item: T) => Transferable[] = () => [],
  onReturned: (moved: readonly Transferable[]) => void = () => {},
): Promise<void> {
  const { signal } = controller;
  let credits = 0;
  let wake = () => {};
  port.onmessage = ({ data }: MessageEvent<ToSender>) => {
    if (data.type === 'credit') {
      credits += data.items;
      onReturned(data.returned ?? []);
      wake();
    } else controller.abort();
  };
  const abort = () => wake();
  signal.addEventListener('abort', abort, { once: true });
  const send = (message: FromSender<T>, moved: Transferable[] = []) => port.postMessage(message, moved);
  try {
    for (;;) {
      while (credits === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
      const result = signal.aborted ? await items.return!() : await items.next();
      if (result.done) break;
      send({ type: 'item', item: result.value }, transfer(result.value));
      credits--;
    }
    send({ type: 'end' });
  } catch (error) {
    send(signal.aborted ? { type: 'end' } : { type: 'error', error: toWireError(error) });
  } finally {
    signal.removeEventListener('abort', abort);
    port.close();
  }
}

/**
 * The other end. Leaving the loop or aborting tells the sender to stop; the port closes when the sender says that it
 * has. Nothing is asked for before the first `next`.
 * @param signal ends the iteration with its reason at once
 * @param onEnd called once, when the signal is not needed any more
 * @param window items that may be under way or unread
 * @param giveBack what of an item moves back to the sender once the next one is asked for; default nothing
 */
export function receiveItems<T>(
  port: MessagePort,
  signal: AbortSignal,
  onEnd: () => void,
  window = WINDOW,
  giveBack: (item: T) => Transferable[] = () => [],
): AsyncGenerator<T, void, undefined> {
  const unread: T[] = [];
  let outcome: { readonly error?: unknown } | undefined;
  let wake = () => {};
  const settle = (result: { readonly error?: unknown }) => {
    if (outcome) return;
    outcome = result;
    signal.removeEventListener('abort', abort);
    wake();
    onEnd();
  };
  const post = (message: ToSender, moved: Transferable[] = []) => port.postMessage(message, moved);
  const abort = () => {
    post({ type: 'stop' });
    unread.length = 0;
    settle({ error: signal.reason });
  };
  port.onmessage = ({ data }: MessageEvent<FromSender<T>>) => {
    if (data.type === 'item') {
      if (!outcome) unread.push(data.item);
      wake();
    } else {
      port.close();
      settle(data.type === 'end' ? {} : { error: fromWireError(data.error) });
    }
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });

  return (async function* () {
    let granted = 0;
    let returned: Transferable[] = [];
    try {
      for (;;) {
        if (granted <= window / 2 && !outcome) {
          post({ type: 'credit', items: window - granted, returned }, returned);
          returned = [];
          granted = window;
        }
        while (unread.length === 0 && !outcome) await new Promise<void>((resolve) => (wake = resolve));
        if (unread.length === 0) break;
        granted--;
        const item = unread.shift()!;
        yield item;
        returned.push(...giveBack(item));
      }
      if (outcome && 'error' in outcome) throw outcome.error;
    } finally {
      if (!outcome) post({ type: 'stop' });
      settle({});
    }
  })();
}
