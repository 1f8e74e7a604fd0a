/** The grammar worker, WASM inside: serves whoever sends it a port. */
import { answerCalls } from '../ports/calls.ts';
import { MaskServer } from './masks.ts';
import { xgrammar } from './xgrammar.ts';

globalThis.onmessage = ({ data }: MessageEvent<MessagePort>) =>
  answerCalls(
    data,
    new MaskServer(async (say) => {
      Object.assign(console, { log: say, warn: say, error: say }); // of this worker alone
      return xgrammar();
    }),
  );
