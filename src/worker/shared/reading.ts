/** Readers of a model in the loader workers of pages, one after another: a reader goes with its page. */
import { OutriderError } from '../../errors.ts';
import { readerOver } from '../../loader/port.ts';
import type { ModelReader } from '../../model/reader.ts';
import { abortable } from '../../ports/abortable.ts';
import type { Caller } from '../../ports/calls.ts';
import { type LockRequester, whenGone } from '../../ports/life.ts';
import type { ReadingTab } from './protocol.ts';

/** A page that can be asked to read. */
export interface Reading {
  readonly reading: Caller<ReadingTab>;
  /** Fires when the page takes no part any more. */
  readonly left: AbortSignal;
}

export interface OpenReader {
  readonly reader: ModelReader;
  /** Fires when its page, or the loader worker there, is gone. */
  readonly gone: AbortSignal;
}

/**
 * @returns undefined where the page has gone before it had opened one
 * @throws what opening the model throws
 */
export async function openReader(tab: Reading, locks: LockRequester): Promise<OpenReader | undefined> {
  const { port1, port2 } = new MessageChannel();
  try {
    const { label, life } = await abortable(tab.reading.call('open', port2), tab.left);
    const gone = new AbortController();
    const closed = new AbortController();
    whenGone(life, closed.signal, () => gone.abort(readerGone()), locks);
    const reader = readerOver(port1, label, gone.signal);
    const close = () => reader.close().finally(() => closed.abort());
    return { reader: { ...reader, close }, gone: gone.signal };
  } catch (error) {
    port1.close();
    if (tab.left.aborted) return undefined;
    throw error;
  }
}

export function readerGone(): OutriderError {
  return new OutriderError(
    'worker_failed',
    'The page whose Worker was reading the model is gone, or that Worker has died. Load again: what is stored is used.',
  );
}
