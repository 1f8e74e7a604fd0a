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
/** What brings an answer nearer to its end. */
const FINISHING = /^["\]}]+$/;

/**
 * @param random 0 <= x < 1
 * @param numTokens after so many, tokens that close something are taken wherever they are allowed
 * @returns the text, and whether the grammar was finished
 */
export async function walk(
  masks: MaskSource,
  random: () => number,
  numTokens = 60,
): Promise<{ text: string; isFinished: boolean }> {
  let mask: Uint32Array | undefined = await masks.start();
  const pieces: Uint8Array[] = [];
  const done = (isFinished: boolean) => ({ text: text(joined(pieces)), isFinished });
  for (let step = 0; step < numTokens * 20; step++) {
    const ids = allowedIds(mask);
    const ends = ids.filter((id) => vocabulary.endIds.includes(id));
    if (ends.length > 0 && (step >= numTokens || random() < 0.3)) return done(true);
    const others = ids.filter((id) => !ends.includes(id));
    const finishing = others.filter((id) => FINISHING.test(text(vocabulary.bytes[id]!)));
    const isEnding = finishing.length > 0 && (step >= numTokens || random() < 0.2);
    const single = others.filter((id) => vocabulary.bytes[id]!.length === 1);
    const choice = isEnding ? finishing : step >= numTokens && single.length > 0 ? single : others;
    const id = choice[Math.floor(random() * choice.length)]!;
    pieces.push(vocabulary.bytes[id]!);
    mask = await masks.accept(id);
    if (!mask) return done(true);
  }
  return done(false);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** An answer that closes nothing as long as it need not. @returns undefined where its tokens ran out */
export async function ramble(masks: MaskSource, random: () => number, numTokens: number): Promise<string | undefined> {
  let mask: Uint32Array | undefined = await masks.start();
  const pieces: Uint8Array[] = [];
  for (let step = 0; step < numTokens && mask; step++) {
    const ids = allowedIds(mask).filter((id) => !vocabulary.endIds.includes(id));
    const open = ids.filter((id) => !/["\]}]/.test(text(vocabulary.bytes[id]!)));
    const choice = open.length > 0 ? open : ids;
    const id = choice[Math.floor(random() * choice.length)]!;
    pieces.push(vocabulary.bytes[id]!);
    mask = await masks.accept(id);
  }
  return mask ? undefined : text(joined(pieces));
}
