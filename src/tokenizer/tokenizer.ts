/**
 * Text <-> ids for a byte-level BPE in Hugging Face's `tokenizer.json`.
 *
 * Text never becomes a special token here: the library is built without added tokens, and only a `{ special }` segment
 * (which the chat template alone produces) yields their ids. Costs about 110 MB of heap for Llama 4's 200,000 tokens
 * and 439,802 merges, all of it the library's tables, so build one per model.
 */
import { BPE } from '@huggingface/tokenizers';
import { OutriderError } from '../errors.ts';
import { tokenBytes } from './bytes.ts';
import { createByteDecoder, type Decoder } from './decoder.ts';
import { type AddedToken, invalidTokenizer, type ParsedTokenizer, parseTokenizer } from './parse.ts';
import { createPreTokenizer } from './pre-tokenizer.ts';

/** A piece of a prompt: text, or a special token by its text. */
export type Segment = { readonly text: string } | { readonly special: string };

export interface DecodeOptions {
  /** Leave special tokens out of the text. */
  readonly skipSpecial: boolean;
}

export interface Tokenizer {
  /** Ids of plain text: special-token text inside is text, and no beginning-of-text id is added. */
  encodeText(text: string): number[];
  /**
   * Ids of a rendered prompt. Each text segment is encoded by itself.
   * @throws OutriderError `tokenizer_invalid` for a special token that the tokenizer does not have.
   */
  encodeRendered(segments: Iterable<Segment>): number[];
  /** @throws OutriderError `invalid_request` for an unknown id. */
  decode(ids: Iterable<number>, options: DecodeOptions): string;
  /** @throws OutriderError `invalid_request` for an unknown id. */
  bytesOf(id: number, options: DecodeOptions): Uint8Array;
  /** For text that arrives id by id. */
  createDecoder(options: DecodeOptions): Decoder;
  /** Text -> id of every added token. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** What `tokenizer_config.json` calls `bos_token`, `eos_token`, ...: name -> text. Templates print these. */
  readonly namedTokens: Readonly<Record<string, string>>;
  /** Highest known id + 1. A model's vocabulary may be larger: such ids have no text and must not be sampled. */
  readonly numTokens: number;
  /** Text of the beginning-of-text token, if there is one. */
  readonly bosToken: string | undefined;
}

const NAMED_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/**
 * @param tokenizerJson the parsed `tokenizer.json`; neither changed nor needed afterwards
 * @param tokenizerConfig the parsed `tokenizer_config.json`, or undefined where a folder has none
 * @throws OutriderError `tokenizer_invalid`
 */
export function createTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown): Tokenizer {
  const parsed = parseTokenizer(tokenizerJson);
  const { addedTokens, numTokens } = parsed;
  const { encodeText, textOf } = createEncoder(parsed);
  const addedByText = new Map(addedTokens.map((token) => [token.content, token]));
  const addedById = new Map(addedTokens.map((token) => [token.id, token]));
  const namedTokens = readNamedTokens(tokenizerConfig);
  const bosToken = namedTokens.bos_token;
  if (bosToken !== undefined && !addedByText.has(bosToken)) {
    throw invalidTokenizer(`has no added token "${bosToken}", which tokenizer_config.json names as bos_token.`);
  }

  const bytesOf = (id: number, { skipSpecial }: DecodeOptions) => {
    const added = addedById.get(id);
    if (added) return skipSpecial && added.special ? new Uint8Array() : new TextEncoder().encode(added.content);
    const token = textOf(id);
    if (token === undefined) {
      const message = `Token id ${id} has no text; this tokenizer's ids are 0 to ${numTokens - 1}.`;
      throw new OutriderError('invalid_request', message, { details: { id, numTokens } });
    }
    return tokenBytes(token);
  };

  const createDecoder = (options: DecodeOptions) => createByteDecoder((id) => bytesOf(id, options));

  return {
    encodeText,
    encodeRendered(segments) {
      const ids: number[] = [];
      for (const segment of segments) {
        if ('special' in segment) ids.push(specialId(addedByText, segment.special));
        else for (const id of encodeText(segment.text)) ids.push(id);
      }
      return ids;
    },
    decode(ids, options) {
      const decoder = createDecoder(options);
      let text = '';
      for (const id of ids) text += decoder.push(id);
      return text + decoder.end();
    },
    bytesOf,
    createDecoder,
    specialTokens: new Map(addedTokens.map(({ content, id }) => [content, id])),
    namedTokens,
    numTokens,
    bosToken,
  };
}

interface Encoder {
  encodeText(text: string): number[];
  /** The vocabulary's text of an id, in the byte-level alphabet. */
  textOf(id: number): string | undefined;
}

/** Merging is the library's; its own `Tokenizer` would bring all its other models and steps along. */
function createEncoder({ model, normalForm, preTokenizer }: ParsedTokenizer): Encoder {
  try {
    const split = createPreTokenizer(preTokenizer);
    const bpe = new BPE(model as ConstructorParameters<typeof BPE>[0]);
    return {
      encodeText(text) {
        if (text === '') return []; // a pre-tokenizer may put a blank before it
        const tokens = bpe._call(split(normalForm ? text.normalize(normalForm) : text));
        return tokens.map((token) => bpe.tokens_to_ids.get(token) ?? bpe.unk_token_id!);
      },
      textOf: (id) => bpe.vocab[id],
    };
  } catch (cause) {
    if (cause instanceof OutriderError) throw cause;
    throw invalidTokenizer(`cannot be used: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
}

function specialId(addedTokens: ReadonlyMap<string, AddedToken>, text: string): number {
  const token = addedTokens.get(text);
  if (!token) throw invalidTokenizer(`has no special token "${text}", which the chat template writes.`);
  if (token.touchesNeighbours) {
    // The reference would also change the text beside it; computing something else silently is worse than refusing.
    throw invalidTokenizer(`"${text}" has lstrip, rstrip or single_word set, which is not supported in a template.`);
  }
  return token.id;
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
