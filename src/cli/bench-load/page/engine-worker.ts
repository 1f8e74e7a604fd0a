/** The engine's side of a load: pieces come in, and go to the GPU. */
import { openDevice } from '../../../gpu/device.ts';
import { SourceReader } from '../../../loader/loader.ts';
import { readerOver } from '../../../loader/port.ts';
import type { ModelReader } from '../../../model/reader.ts';
import { answerCalls } from '../../../ports/calls.ts';
import { openWebSource } from '../../../storage/open.ts';
import { prepareFill } from '../fill.ts';
import { weightsFromMemory } from '../sources.ts';
import type { Work, WorkDone } from '../types.ts';
import { onceConnected } from './connected.ts';

export interface EngineCalls {
  /** @param port of a reader in another worker */
  prepare(label: string, port: MessagePort): Promise<void>;
  prepareFromMemory(url: string): Promise<void>;
  run(): Promise<WorkDone>;
}

let work: Work;

async function prepare(reader: ModelReader): Promise<void> {
  work = await prepareFill(await openDevice(navigator.gpu), reader);
}

onceConnected(({ port }) =>
  answerCalls(port, {
    prepare: (label, readerPort) => prepare(readerOver(readerPort, label)),
    prepareFromMemory: async (url) => prepare(new SourceReader(weightsFromMemory(await openWebSource(url)))),
    run: () => work(),
  } satisfies EngineCalls),
);
