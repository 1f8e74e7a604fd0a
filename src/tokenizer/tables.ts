/** Checks the large tables of `tokenizer.json` before the library sees them. They stay in the thread that encodes. */
import { byteCharacters } from './bytes.ts';
import { type Fields, found, invalidTokenizer, isFields, isId } from './invalid.ts';
import type { AddedToken } from './parse.ts';

export interface Tables {
  /** What the library gets. Neither added tokens nor a post-processor are among it, so that text stays text. */
  readonly model: object;
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
  const vocab = parseVocabulary(model.vocab, addedTokens);
  checkMerges(model.merges);
  let numTokens = 0;
  for (const id of Object.values(vocab)) numTokens = Math.max(numTokens, id + 1);
  for (const { id } of addedTokens) numTokens = Math.max(numTokens, id + 1);
  return { model: { ...model, vocab }, numTokens };
}

/** The vocabulary without added tokens: some files list them twice, and typed text must never become one. */
function parseVocabulary(vocabulary: unknown, addedTokens: readonly AddedToken[]): Record<string, number> {
  if (!isFields(vocabulary)) throw invalidTokenizer(`model.vocab is ${found(vocabulary)}, needs an object.`);
  for (const [token, id] of Object.entries(vocabulary)) {
    if (!isId(id)) throw invalidTokenizer(`the id of ${found(token)} is ${found(id)}, needs an integer >= 0.`);
  }
  const missing = byteCharacters.findIndex((character) => !Object.hasOwn(vocabulary, character));
  if (missing >= 0) {
    // The library would drop such a byte without a word.
    throw invalidTokenizer(`byte 0x${missing.toString(16).padStart(2, '0')} has no token; all 256 bytes need one.`);
  }
  const listedTwice = addedTokens.filter(({ content }) => Object.hasOwn(vocabulary, content));
  if (listedTwice.length === 0) return vocabulary as Record<string, number>;
  const plain = { ...vocabulary } as Record<string, number>;
  for (const { content } of listedTwice) delete plain[content];
  return plain;
}

function checkMerges(merges: unknown): void {
  if (!Array.isArray(merges)) throw invalidTokenizer(`model.merges is ${found(merges)}, needs a list.`);
  const isPair = (merge: unknown) =>
    typeof merge === 'string'
      ? merge.split(' ').length === 2
      : Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string');
  const wrong = merges.findIndex((merge: unknown) => !isPair(merge) || typeof merge !== typeof merges[0]);
  if (wrong >= 0) throw invalidTokenizer(`model.merges[${wrong}] is ${found(merges[wrong])}, needs a pair of tokens.`);
}
