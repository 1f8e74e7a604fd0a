/** Checks `tokenizer.json` before the library sees it: a file that it would read wrongly is refused by name here. */
import { OutriderError } from '../errors.ts';
import { byteCharacters } from './bytes.ts';

/** An entry of `added_tokens`: text that is one token wherever a template writes it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Hidden when text is decoded for people. A few added tokens are not special: they are shown. */
  readonly special: boolean;
  /** Whether the token also swallows blanks beside it, or only stands alone: not computed here. */
  readonly touchesNeighbours: boolean;
}

export interface ParsedTokenizer {
  /** What the library gets. Neither added tokens nor a post-processor are among it, so that text stays text. */
  readonly model: object;
  /** Unicode form that text is brought to first. */
  readonly normalForm: NormalForm | undefined;
  /** Unchecked: `createPreTokenizer` does. */
  readonly preTokenizer: unknown;
  readonly addedTokens: readonly AddedToken[];
  /** Highest id + 1. */
  readonly numTokens: number;
}

export type NormalForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

export type Fields = Record<string, unknown>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Reports what was found in words that fit an error message. */
export const found = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60));

export function invalidTokenizer(message: string, cause?: unknown): OutriderError {
  return new OutriderError('tokenizer_invalid', `tokenizer.json: ${message}`, { cause });
}

/** @throws OutriderError `tokenizer_invalid` unless this is a byte-level BPE that covers all 256 bytes. */
export function parseTokenizer(json: unknown): ParsedTokenizer {
  if (!isFields(json)) throw invalidTokenizer(`found ${found(json)}, needs a JSON object. Download the file again.`);
  const { model, decoder } = json;
  if (!isFields(model) || model.type !== 'BPE') {
    throw invalidTokenizer(`the model is ${found(isFields(model) ? model.type : model)}; only "BPE" is supported.`);
  }
  if (!isFields(decoder) || decoder.type !== 'ByteLevel') {
    const type = found(isFields(decoder) ? decoder.type : decoder);
    throw invalidTokenizer(`the decoder is ${type}; only "ByteLevel" is supported.`);
  }
  const addedTokens = parseAddedTokens(json.added_tokens ?? []);
  const vocabulary = parseVocabulary(model.vocab, addedTokens);
  checkMerges(model.merges);
  let numTokens = 0;
  for (const id of Object.values(vocabulary)) numTokens = Math.max(numTokens, id + 1);
  for (const { id } of addedTokens) numTokens = Math.max(numTokens, id + 1);
  return {
    model: { ...model, vocab: vocabulary },
    normalForm: parseNormalizer(json.normalizer ?? undefined),
    preTokenizer: json.pre_tokenizer,
    addedTokens,
    numTokens,
  };
}

function parseAddedTokens(tokens: unknown): AddedToken[] {
  if (!Array.isArray(tokens)) throw invalidTokenizer(`added_tokens is ${found(tokens)}, needs a list.`);
  return tokens.map((token: unknown, index) => {
    if (!isFields(token) || !isId(token.id) || typeof token.content !== 'string' || token.content === '') {
      throw invalidTokenizer(`added_tokens[${index}] is ${found(token)}, needs an id and a content.`);
    }
    const { id, content, special, lstrip, rstrip, single_word: singleWord } = token;
    const touchesNeighbours = Boolean(lstrip || rstrip || singleWord);
    return { id, content, special: special === true, touchesNeighbours };
  });
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

function parseNormalizer(normalizer: unknown): NormalForm | undefined {
  if (normalizer === undefined) return undefined;
  const type = isFields(normalizer) ? normalizer.type : normalizer;
  if (/^NFK?[CD]$/.test(String(type))) return type as NormalForm;
  throw invalidTokenizer(`the normalizer is ${found(type)}; only Unicode forms such as "NFC" are supported.`);
}
