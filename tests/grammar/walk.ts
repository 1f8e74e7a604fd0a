/** Answers without a model: random walks over the ids that a grammar allows. */
import { readFileSync } from 'node:fs';
import type { MaskSource, Vocabulary } from '../../src/engine/request.ts';
import type { GrammarEngine, GrammarSpec } from '../../src/grammar/grammar.ts';
import { Caller } from '../../src/ports/calls.ts';
import { createTokenizer } from '../../src/tokenizer/tokenizer.ts';

const file = new URL('../../public/models/llama-scoutling/tokenizer.json', import.meta.url);
const tokenizer = createTokenizer(JSON.parse(readFileSync(file, 'utf8')), undefined);

/** Scoutling's; every byte is a token of it. */
export const vocabulary: Vocabulary = {
  bytes: Array.from({ length: tokenizer.numTokens }, (_, id) => tokenizer.bytesOf(id, { skipSpecial: true })),
  endIds: ['<|eot|>', '<|eom|>', '<|end_of_text|>'].flatMap((name) => tokenizer.specialTokens.get(name) ?? []),
};

export const encodeText = (text: string): number[] => tokenizer.encodeText(text);

export const isAllowed = (mask: Uint32Array, id: number): boolean => ((mask[id >> 5]! >> (id & 31)) & 1) === 1;

export function allowedIds(mask: Uint32Array): number[] {
  return vocabulary.bytes.flatMap((_, id) => (isAllowed(mask, id) ? [id] : []));
}

/** Opens a grammar, calls `use`, and closes it again. */
export async function withMasks<T>(
  engine: GrammarEngine,
  spec: GrammarSpec,
  use: (masks: MaskSource) => Promise<T>,
  numTokens?: number,
): Promise<T> {
  const port = await engine.open(spec, new AbortController().signal, numTokens);
  const caller = new Caller<MaskSource>(port);
  try {
    return await use({ start: () => caller.call('start'), accept: (id) => caller.call('accept', id) });
  } finally {
    port.close();
  }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
type Choose = (ids: readonly number[]) => readonly number[];

/** One of `choose`'s ids at a time. @returns undefined where the tokens ran out */
async function answer(
  masks: MaskSource,
  random: () => number,
  numTokens: number,
  choose: Choose,
): Promise<string | undefined> {
  let mask: Uint32Array | undefined = await masks.start();
  const pieces: Uint8Array[] = [];
  for (let step = 0; step < numTokens && mask; step++) {
    const ids = allowedIds(mask);
    const texts = ids.filter((id) => !vocabulary.endIds.includes(id));
    if (texts.length < ids.length && random() < 0.3) return text(joined(pieces));
    const choice = choose(texts);
    const id = choice[Math.floor(random() * choice.length)]!;
    pieces.push(vocabulary.bytes[id]!);
    mask = await masks.accept(id);
  }
  return mask ? undefined : text(joined(pieces));
}

const isCloser = (id: number) => /["\]}]/.test(text(vocabulary.bytes[id]!));
const some = (wanted: readonly number[], all: readonly number[]) => (wanted.length > 0 ? wanted : all);

/** A random answer that closes something every now and then. @param random 0 <= x < 1 */
export const walk = (masks: MaskSource, random: () => number, numTokens: number): Promise<string | undefined> =>
  answer(masks, random, numTokens, (ids) => (random() < 0.2 ? some(ids.filter(isCloser), ids) : ids));

/** A random answer that closes nothing as long as it need not. */
export const ramble = (masks: MaskSource, random: () => number, numTokens: number): Promise<string | undefined> =>
  answer(masks, random, numTokens, (ids) =>
    some(
      ids.filter((id) => !isCloser(id)),
      ids,
    ),
  );

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
