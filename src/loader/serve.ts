/** A ModelReader through a MessagePort, on the loader's side. */
import type { Piece } from '../model/pieces.ts';
import type { CompletionProgress, ModelReader, Notice, ReadAbort } from '../model/reader.ts';
import type { TrialBench } from '../model/tuning/bench.ts';
import { answerCalls, Caller } from '../ports/calls.ts';
import { sendItems } from '../ports/stream.ts';
import { recyclePart } from '../storage/parts.ts';
import { buffersOf, type RemoteReader } from './port.ts';

/** Answers the calls that arrive on `port`. The port closes with the reader. */
export function serveReader(port: MessagePort, reader: ModelReader): void {
  const send = <T>(
    to: MessagePort,
    start: (options: ReadAbort) => AsyncIterable<T>,
    moved?: (item: T) => Transferable[],
    onReturned?: (moved: readonly Transferable[]) => void,
  ) => {
    const controller = new AbortController();
    const items = start({ signal: controller.signal })[Symbol.asyncIterator]() as AsyncIterableIterator<T>;
    void sendItems(to, items, controller, moved, onReturned);
  };
  answerCalls(port, {
    readText: (path, maxBytes) => reader.readText(path, maxBytes),
    inspect: () => reader.inspect(),
    parseTexts: (texts) => reader.parseTexts(texts),
    chooseContext: (request) => reader.chooseContext(request),
    layOut: (options) => reader.layOut(options),
    tune: (request, bench) => reader.tune(request, benchOver(bench)),
    pieces: (to) =>
      send<Piece>(
        to,
        (options) => reader.pieces(options),
        buffersOf,
        (returned) => {
          for (const buffer of returned) recyclePart(buffer as ArrayBuffer);
        },
      ),
    complete: (to) => send<CompletionProgress>(to, (options) => reader.complete(options)),
    notices: (to) => send<Notice>(to, () => reader.notices()),
    close: () => reader.close(),
  } satisfies RemoteReader);
}

function benchOver(port: MessagePort): TrialBench {
  const remote = new Caller<TrialBench>(port);
  return {
    add: (work) => remote.call('add', work),
    prepare: (trial, chosen) => remote.call('prepare', trial, chosen),
    run: (trial, repeats) => remote.call('run', trial, repeats),
    read: (trial) => remote.call('read', trial),
    clear: () => remote.call('clear'),
  };
}
