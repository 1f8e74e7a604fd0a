/** A ModelReader through a MessagePort, on the engine's side. Bytes are transferred; how many pieces may be under way is bounded. */

import { abortError } from '../errors.ts';
import { PIECES_UNDER_WAY } from '../model/memory/under-way.ts';
import type { Piece } from '../model/pieces.ts';
import type { CompletionProgress, ModelReader, Notice, ReadAbort } from '../model/reader.ts';
import type { TuningRequest, VariantTable } from '../model/tuning/tuning.ts';
import { abortable } from '../ports/abortable.ts';
import { answerCalls, Caller } from '../ports/calls.ts';
import { receiveItems } from '../ports/stream.ts';

/** The calls as they cross: what goes on for a while sends its items over a port of its own. */
export type RemoteReader = Pick<
  ModelReader,
  'readText' | 'inspect' | 'parseTexts' | 'chooseContext' | 'layOut' | 'close'
> & {
  /** @param bench answers a `TrialBench`'s calls */
  tune(request: TuningRequest, bench: MessagePort): Promise<VariantTable>;
  pieces(port: MessagePort): void;
  complete(port: MessagePort): void;
  notices(port: MessagePort): void;
};

/** What moves with a piece. */
export const buffersOf = ({ blobs }: Piece) => [...new Set(blobs)];

/**
 * The other end of `serveReader` (serve.ts). A signal ends the waiting for a call; what it was waiting for ends with `close`.
 * @param label as the reader says
 * @param gone fires when whoever serves it is no more: every call ends with its reason, and there is nothing left to close
 */
export function readerOver(
  port: MessagePort,
  label: string,
  gone: AbortSignal = new AbortController().signal,
): ModelReader {
  const remote = new Caller<RemoteReader>(port);
  const call: Caller<RemoteReader>['call'] = (method, ...args) =>
    abortable(remote.call(method, ...args), gone) as never;
  const receive = <T>(
    method: 'pieces' | 'complete' | 'notices',
    { signal }: ReadAbort,
    window?: number,
    giveBack?: (item: T) => Transferable[],
  ) => {
    const { port1, port2 } = new MessageChannel();
    const items = receiveItems<T>(port1, signal ?? gone, () => {}, window, giveBack);
    call(method, port2).catch(() => {}); // only where whoever reads is gone
    return items;
  };
  const until = <T>(call: Promise<T>, { signal }: ReadAbort = {}): Promise<T> =>
    signal
      ? abortable(call, signal).catch((error) => {
          throw signal.aborted ? abortError(signal) : error;
        })
      : call;
  return {
    label,
    readText: (path, maxBytes, options) => until(call('readText', path, maxBytes), options),
    inspect: (options) => until(call('inspect'), options),
    parseTexts: (texts, options) => until(call('parseTexts', texts), options),
    chooseContext: (request) => call('chooseContext', request),
    layOut: (options) => call('layOut', options),
    async tune(request, bench, options) {
      const { port1, port2 } = new MessageChannel();
      answerCalls(port1, bench);
      try {
        return await until(call('tune', request, port2), options);
      } finally {
        port1.close();
      }
    },
    pieces: (options = {}) => receive<Piece>('pieces', options, PIECES_UNDER_WAY, buffersOf),
    complete: (options = {}) => receive<CompletionProgress>('complete', options),
    notices: () => receive<Notice>('notices', {}),
    async close() {
      await call('close').catch((error) => {
        if (!gone.aborted) throw error;
      });
      port.close();
    },
  };
}
