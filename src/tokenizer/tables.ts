/** Checks the large tables of `tokenizer.json`. They stay in the thread that encodes. */
import { byteCharacters } from './bytes.ts';
import { type Fields, found, invalidTokenizer, isFields, isId } from './invalid.ts';
import type { AddedToken } from './parse.ts';

export interface Tables {
  /** Of the vocabulary's tokens, in the byte-level alphabet. Added tokens are not among them, so that text stays text. */
  readonly ids: ReadonlyMap<string, number>;
  /** Pairs of tokens, with a blank between them or as lists. The earlier, the sooner they are joined. */
  readonly merges: readonly (string | readonly string[])[];
  /** A piece that is a token is not taken apart. */
  readonly ignoresMerges: boolean;
  /** Highest id + 1. */
  readonly numTokens: number;
}

/** The same file without its tables: what `parseTokenizer` reads, and is cheap to send. */
export function withoutTables(json: unknown): unknown {
  if (!isFields(json) || !isFields(json.model)) return json;
  return { ...json, model: { ...json.model, vocab: undefined, merges: undefined } };
}

/**
 * @param json the parsed `tokenizer.json`, which `parseTokenizer` has accepted
 * @throws OutriderError `tokenizer_invalid` unless the vocabulary covers all 256 bytes and merges are pairs
 */
export function parseTables(json: unknown, addedTokens: readonly AddedToken[]): Tables {
  const { model } = json as { readonly model: Fields };
  const ids = parseVocabulary(model.vocab, addedTokens);
  const merges = parseMerges(model.merges, ids);
  let numTokens = 0;
  for (const id of ids.values()) numTokens = Math.max(numTokens, id + 1);
  for (const { id } of addedTokens) numTokens = Math.max(numTokens, id + 1);
  return { ids, merges, ignoresMerges: model.ignore_merges === true, numTokens };
}

/** The vocabulary without added tokens: some files list them twice, and typed text must never become one. */
function parseVocabulary(vocabulary: unknown, addedTokens: readonly AddedToken[]): Map<string, number> {
  if (!isFields(vocabulary)) throw invalidTokenizer(`model.vocab is ${found(vocabulary)}, needs an object.`);
  for (const [token, id] of Object.entries(vocabulary)) {
    if (!isId(id)) throw invalidTokenizer(`the id of ${found(token)} is ${found(id)}, needs an integer >= 0.`);
  }
  const missing = byteCharacters.findIndex((character) => !Object.hasOwn(vocabulary, character));
  if (missing >= 0) {
    throw invalidTokenizer(`byte 0x${missing.toString(16).padStart(2, '0')} has no token; all 256 bytes need one.`);
  }
  const ids = new Map(Object.entries(vocabulary as Record<string, number>));
  for (const { content } of addedTokens) ids.delete(content);
  return ids;
}

function parseMerges(merges: unknown, ids: ReadonlyMap<string, number>): Tables['merges'] {
  if (!Array.isArray(merges)) throw invalidTokenizer(`model.merges is ${found(merges)}, needs a list.`);
  const joinsTokens = (merge: unknown) => {
    const pair: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    return Array.isArray(pair) && pair.length === 2 && ids.has(pair.join(''));
  };
  const wrong = merges.findIndex((merge: unknown) => !joinsTokens(merge));
  if (wrong < 0) return merges;
  throw invalidTokenizer(`model.merges[${wrong}] is ${found(merges[wrong])}, needs a pair that makes a token.`);
}
