/** An engine over the fake runner, what it was asked, and a grammar that allows exactly one text. */
import { type Engine, engineOver } from '../../src/api/engine.ts';
import type { GrammarSpec, Grammars } from '../../src/api/grammars.ts';
import type { GenerateRequest, MaskSource, TextEngine } from '../../src/engine/request.ts';
import { answerCalls } from '../../src/ports/calls.ts';
import { createFakeTextEngine, END, fakeModel } from '../engine/fake-model.ts';
import type { FakeOptions } from '../engine/fake-runner.ts';

/** Ids are bytes and four special tokens. */
const NUM_TOKENS = 260;

export interface FakeApi {
  readonly engine: Engine;
  /** Requests in the order in which they came. */
  readonly asked: readonly GenerateRequest[];
  /** Grammars that were opened. */
  readonly specs: readonly GrammarSpec[];
}

/** @param say what every answer is, if its grammar does not force another; default: letters that depend on all there is */
export async function fakeApi({
  say,
  forced = '',
  ...options
}: FakeOptions & { say?: string; forced?: string } = {}): Promise<FakeApi> {
  const bytes = new TextEncoder().encode(say);
  let first = -1;
  const choose = (_: number, position: number) => {
    if (first < 0) first = position;
    return bytes[position - first] ?? END;
  };
  const model = fakeModel({ vocabSize: NUM_TOKENS, ...(say !== undefined && { choose }), ...options });
  const text = await createFakeTextEngine(model);
  const asked: GenerateRequest[] = [];
  const specs: GrammarSpec[] = [];
  const spied: TextEngine = {
    model: text.model,
    generate: (request, given) => {
      asked.push(request);
      first = -1;
      return text.generate(request, given);
    },
    encode: (prompt) => text.encode(prompt),
    decode: (ids) => text.decode(ids),
    vocabulary: () => text.vocabulary(),
    interrupt: () => text.interrupt(),
    on: (listener) => text.on(listener),
    stats: () => text.stats(),
    unload: () => text.unload(),
  };
  return { engine: engineOver(spied, exactly(forced, specs)), asked, specs };
}

/** Grammars that allow this text and nothing else. */
function exactly(text: string, specs: GrammarSpec[]): Grammars {
  const bytes = new TextEncoder().encode(text);
  const maskOf = (id: number) => {
    const mask = new Uint32Array(Math.ceil(NUM_TOKENS / 32));
    mask[id >> 5] = 1 << (id & 31);
    return mask;
  };
  return {
    async open(spec) {
      specs.push(spec);
      let at = 0;
      const source: MaskSource = {
        start: async () => {
          at = 0;
          return maskOf(bytes[0] ?? END);
        },
        accept: async () => maskOf(bytes[++at] ?? END),
      };
      const { port1, port2 } = new MessageChannel();
      answerCalls(port1, source);
      return port2;
    },
    interrupt: () => {},
    close: () => {},
  };
}

/** All of a stream. */
export async function readAll<Piece>(stream: AsyncIterable<Piece>): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}
