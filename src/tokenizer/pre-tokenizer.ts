/** How text is cut into pieces before byte pairs are merged: no merge crosses a cut. */
import { byteCharacters } from './bytes.ts';
import { type Fields, found, invalidTokenizer, isFields } from './parse.ts';
import { translatePattern } from './pattern.ts';

/** Cuts one piece. */
type Step = (piece: string) => readonly string[];

/** GPT-2's pattern, which a ByteLevel applies unless told otherwise. */
const BYTE_LEVEL_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * @param config `pre_tokenizer` of a `tokenizer.json`: a ByteLevel, after any number of Splits
 * @returns a function from text to pieces in the byte-level alphabet
 * @throws OutriderError `tokenizer_invalid` for every other kind
 */
export function createPreTokenizer(config: unknown): (text: string) => string[] {
  const parts: unknown = isFields(config) && config.type === 'Sequence' ? config.pretokenizers : [config];
  if (!Array.isArray(parts)) throw invalidTokenizer(`pretokenizers is ${found(parts)}, needs a list.`);
  const last: unknown = parts.at(-1);
  if (!isFields(last) || last.type !== 'ByteLevel') {
    throw invalidTokenizer(
      `the last pre-tokenizer is ${found(last)}; it must be "ByteLevel", which makes bytes of text.`,
    );
  }
  const steps = [...parts.slice(0, -1).map(createSplit), createByteLevel(last)];
  return (text) => steps.reduce<string[]>((pieces, step) => pieces.flatMap(step), [text]);
}

function createSplit(part: unknown): Step {
  const { type, pattern, behavior, invert } = isFields(part) ? part : {};
  const { Regex: regex, String: literal } = isFields(pattern) ? pattern : {};
  const source = typeof literal === 'string' ? literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : regex;
  const isolates = behavior === 'Isolated';
  if (type !== 'Split' || typeof source !== 'string' || !(isolates || behavior === 'Removed')) {
    throw invalidTokenizer(`the pre-tokenizer ${found(part)} is not supported; a "Split" that isolates or removes is.`);
  }
  const expression = translatePattern(source);
  return (piece) => cut(piece, expression, isolates || invert === true, isolates || invert !== true);
}

/** What `expression` matches, what lies between, or both in order; nothing of it empty. */
function cut(text: string, expression: RegExp, matches: boolean, gaps: boolean): string[] {
  const pieces: string[] = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(expression)) {
    if (gaps) pieces.push(text.slice(end, index));
    if (matches) pieces.push(match);
    end = index + match.length;
  }
  if (gaps) pieces.push(text.slice(end));
  return pieces.filter((piece) => piece !== '');
}

function createByteLevel({ add_prefix_space: addBlank, use_regex: usesPattern }: Fields): Step {
  const expression = usesPattern === false ? undefined : translatePattern(BYTE_LEVEL_PATTERN);
  const encoder = new TextEncoder();
  return (piece) => {
    const text = addBlank && !piece.startsWith(' ') ? ` ${piece}` : piece;
    const pieces = expression ? cut(text, expression, true, true) : [text];
    return pieces.map((part) => Array.from(encoder.encode(part), (byte) => byteCharacters[byte]).join(''));
  };
}
