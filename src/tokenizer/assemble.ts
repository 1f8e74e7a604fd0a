/** The half of a tokenizer that stays in the thread that encodes: its tables, and what goes through them. */
import { BPE } from '@huggingface/tokenizers';
import { OutriderError } from '../errors.ts';
import { tokenBytes } from './bytes.ts';
import { createByteDecoder } from './decoder.ts';
import { invalidTokenizer } from './invalid.ts';
import type { AddedToken, TokenizerFacts } from './parse.ts';
import { createTextSplitter } from './split.ts';
import { parseTables } from './tables.ts';
import type { DecodeOptions, Tokenizer } from './types.ts';

/**
 * @param tokenizerJson the parsed `tokenizer.json`; neither changed nor needed afterwards
 * @param facts what `parseTokenizer` said of it
 * @throws OutriderError `tokenizer_invalid` where its tables are wrong
 */
export function assembleTokenizer(tokenizerJson: unknown, facts: TokenizerFacts): Tokenizer {
  const { addedTokens, namedTokens } = facts;
  const { model, numTokens } = parseTables(tokenizerJson, addedTokens);
  const { encodeText, textOf } = createEncoder(model, facts);
  const addedByText = new Map(addedTokens.map((token) => [token.content, token]));
  const addedById = new Map(addedTokens.map((token) => [token.id, token]));

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
    bosToken: namedTokens.bos_token,
  };
}

interface Encoder {
  encodeText(text: string): number[];
  /** The vocabulary's text of an id, in the byte-level alphabet. */
  textOf(id: number): string | undefined;
}

/** Merging is the library's; its own `Tokenizer` would bring all its other models and steps along. */
function createEncoder(model: object, { normalForm, preTokenizer }: TokenizerFacts): Encoder {
  const split = createTextSplitter(preTokenizer);
  try {
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
