/**
 * Checks `tokenizer.json`, but for its large tables, before the library sees it: a file that it would read wrongly is refused
 * by name here. Done once, by whoever reads the model.
 */
import { found, invalidTokenizer, isFields, isId } from './invalid.ts';
import { type PreTokenizer, parsePreTokenizer } from './pre-tokenizer.ts';

/** An entry of `added_tokens`: text that is one token wherever a template writes it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Hidden when text is decoded for people. A few added tokens are not special: they are shown. */
  readonly special: boolean;
  /** Whether the token also swallows blanks beside it, or only stands alone: not computed here. */
  readonly touchesNeighbours: boolean;
}

/** What the files say of a tokenizer beside its tables: plain data, which may cross to another thread. */
export interface TokenizerFacts {
  /** Unicode form that text is brought to first. */
  readonly normalForm: NormalForm | undefined;
  readonly preTokenizer: PreTokenizer;
  readonly addedTokens: readonly AddedToken[];
  /** What `tokenizer_config.json` calls `bos_token`, `eos_token`, ...: name -> text. */
  readonly namedTokens: Readonly<Record<string, string>>;
}

export type NormalForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

const NAMED_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/**
 * @param json the parsed `tokenizer.json`; its tables may be left out
 * @param config the parsed `tokenizer_config.json`, or undefined where a folder has none
 * @throws OutriderError `tokenizer_invalid` unless this is a byte-level BPE
 */
export function parseTokenizer(json: unknown, config: unknown): TokenizerFacts {
  if (!isFields(json)) throw invalidTokenizer(`found ${found(json)}, needs a JSON object. Download the file again.`);
  const { model, decoder } = json;
  if (!isFields(model) || model.type !== 'BPE') {
    throw invalidTokenizer(`the model is ${found(isFields(model) ? model.type : model)}; only "BPE" is supported.`);
  }
  for (const name of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout']) {
    if (model[name]) throw invalidTokenizer(`model.${name} is ${found(model[name])}, which is not supported.`);
  }
  if (!isFields(decoder) || decoder.type !== 'ByteLevel') {
    const type = found(isFields(decoder) ? decoder.type : decoder);
    throw invalidTokenizer(`the decoder is ${type}; only "ByteLevel" is supported.`);
  }
  const addedTokens = parseAddedTokens(json.added_tokens ?? []);
  const normalForm = parseNormalizer(json.normalizer ?? undefined);
  const preTokenizer = parsePreTokenizer(json.pre_tokenizer);
  const namedTokens = readNamedTokens(config);
  const bosToken = namedTokens.bos_token;
  if (bosToken !== undefined && !addedTokens.some(({ content }) => content === bosToken)) {
    throw invalidTokenizer(`has no added token "${bosToken}", which tokenizer_config.json names as bos_token.`);
  }
  return { normalForm, preTokenizer, addedTokens, namedTokens };
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

function parseNormalizer(normalizer: unknown): NormalForm | undefined {
  if (normalizer === undefined) return undefined;
  const type = isFields(normalizer) ? normalizer.type : normalizer;
  if (/^NFK?[CD]$/.test(String(type))) return type as NormalForm;
  throw invalidTokenizer(`the normalizer is ${found(type)}; only Unicode forms such as "NFC" are supported.`);
}

/** Values are strings, or objects with the text in `content` (an older layout). Null means: none. */
function readNamedTokens(config: unknown): Record<string, string> {
  const fields = (typeof config === 'object' && config !== null ? config : {}) as Record<string, unknown>;
  const named: Record<string, string> = {};
  for (const name of NAMED_TOKENS) {
    const value = fields[name];
    const text = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value;
    if (typeof text === 'string') named[name] = text;
  }
  return named;
}
