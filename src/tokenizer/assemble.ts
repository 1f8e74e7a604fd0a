/** The half of a tokenizer that stays in the thread that encodes: its tables, and what goes through them. */
import { OutriderError } from '../errors.ts';
import { BytePairEncoder } from './bpe.ts';
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
  const { addedTokens, namedTokens, normalForm, preTokenizer } = facts;
  const tables = parseTables(tokenizerJson, addedTokens);
  const { ids, numTokens } = tables;
  const split = createTextSplitter(preTokenizer);
  const bpe = new BytePairEncoder(tables);
  const texts: (string | undefined)[] = new Array(numTokens);
  for (const [text, id] of ids) texts[id] = text;
  const addedByText = new Map(addedTokens.map((token) => [token.content, token]));
  const addedById = new Map(addedTokens.map((token) => [token.id, token]));

  const bytesOf = (id: number, { skipSpecial }: DecodeOptions) => {
    const added = addedById.get(id);
    if (added) return skipSpecial && added.special ? new Uint8Array() : new TextEncoder().encode(added.content);
    const token = texts[id];
    if (token === undefined) {
      const message = `Token id ${id} has no text; this tokenizer's ids are 0 to ${numTokens - 1}.`;
      throw new OutriderError('invalid_request', message, { details: { id, numTokens } });
    }
    return tokenBytes(token);
  };

  const encodeText = (text: string): number[] => {
    if (text === '') return []; // a pre-tokenizer may put a blank before it
    return split(normalForm ? text.normalize(normalForm) : text).flatMap((piece) => bpe.encode(piece));
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

function specialId(addedTokens: ReadonlyMap<string, AddedToken>, text: string): number {
  const token = addedTokens.get(text);
  if (!token) throw invalidTokenizer(`has no special token "${text}", which the chat template writes.`);
  if (token.touchesNeighbours) {
    // The reference would also change the text beside it; computing something else silently is worse than refusing.
    throw invalidTokenizer(`"${text}" has lstrip, rstrip or single_word set, which is not supported in a template.`);
  }
  return token.id;
}
