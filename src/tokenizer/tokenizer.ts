/**
 * Text <-> ids for a byte-level BPE in Hugging Face's `tokenizer.json`.
 *
 * Text never becomes a special token here: the library is built without added tokens, and only a `{ special }` segment
 * (which the chat template alone produces) yields their ids. Costs about 110 MB of heap for Llama 4's 200,000 tokens
 * and 439,802 merges, all of it the library's tables, so build one per model.
 */
import { assembleTokenizer } from './assemble.ts';
import { parseTokenizer } from './parse.ts';
import type { Tokenizer } from './types.ts';

export type { DecodeOptions, Segment, Tokenizer } from './types.ts';

/**
 * Both halves at once: what `parseTokenizer` does where the model is read, and `assembleTokenizer` where text is encoded.
 * @param tokenizerJson the parsed `tokenizer.json`; neither changed nor needed afterwards
 * @param tokenizerConfig the parsed `tokenizer_config.json`, or undefined where a folder has none
 * @throws OutriderError `tokenizer_invalid`
 */
export function createTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown): Tokenizer {
  return assembleTokenizer(tokenizerJson, parseTokenizer(tokenizerJson, tokenizerConfig));
}
