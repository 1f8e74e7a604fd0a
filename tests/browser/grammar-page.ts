/** What grammar.test.ts runs in the page. */
import type { MaskSource } from '../../src/engine/request.ts';
import type { OutriderError } from '../../src/errors.ts';
import { GrammarEngine } from '../../src/grammar/grammar.ts';
import { Caller } from '../../src/ports/calls.ts';

const vocabulary = {
  bytes: Array.from({ length: 257 }, (_, id) => new Uint8Array(id < 256 ? [id] : [])),
  endIds: [256],
};

/** Takes `text` byte by byte as far as a grammar over single bytes allows it. */
async function take(schema: object, text: string) {
  const engine = new GrammarEngine(async () => vocabulary);
  try {
    const port = await engine.open({ kind: 'json_schema', schema }, new AbortController().signal);
    const masks = new Caller<MaskSource>(port);
    let mask: Uint32Array | undefined = await masks.call('start');
    let taken = 0;
    for (const id of new TextEncoder().encode(text)) {
      if (!mask || ((mask[id >> 5]! >> (id & 31)) & 1) === 0) break;
      mask = await masks.call('accept', id);
      taken++;
    }
    port.close();
    return { taken, isOver: mask === undefined };
  } catch (error) {
    const { code, message, details } = error as OutriderError;
    return { code, message, details };
  } finally {
    engine.close();
  }
}

const page = { take };

declare global {
  var grammarPage: typeof page;
}
globalThis.grammarPage = page;
