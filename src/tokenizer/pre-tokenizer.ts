/** How text is cut into pieces before byte pairs are merged: no merge crosses a cut. */
import { type Fields, found, invalidTokenizer, isFields } from './invalid.ts';
import { translatePattern } from './pattern.ts';

/** One way to cut: what matches, what lies between, or both, become pieces. */
export interface Cut {
  /** Global. */
  readonly expression: RegExp;
  readonly matches: boolean;
  readonly gaps: boolean;
}

/** What is done to text, in this order. Plain data, which may cross to another thread. */
export interface PreTokenizer {
  readonly splits: readonly Cut[];
  /** Every piece gets a blank before it, unless it has one. */
  readonly addsBlank: boolean;
  /** Before pieces become bytes. */
  readonly last: Cut | undefined;
}

/** GPT-2's pattern, which a ByteLevel applies unless told otherwise. */
const BYTE_LEVEL_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * @param config `pre_tokenizer` of a `tokenizer.json`: a ByteLevel, after any number of Splits
 * @throws OutriderError `tokenizer_invalid` for every other kind
 */
export function parsePreTokenizer(config: unknown): PreTokenizer {
  const parts: unknown = isFields(config) && config.type === 'Sequence' ? config.pretokenizers : [config];
  if (!Array.isArray(parts)) throw invalidTokenizer(`pretokenizers is ${found(parts)}, needs a list.`);
  const last: unknown = parts.at(-1);
  if (!isFields(last) || last.type !== 'ByteLevel') {
    throw invalidTokenizer(
      `the last pre-tokenizer is ${found(last)}; it must be "ByteLevel", which makes bytes of text.`,
    );
  }
  return { splits: parts.slice(0, -1).map(parseSplit), ...parseByteLevel(last) };
}

function parseSplit(part: unknown): Cut {
  const { type, pattern, behavior, invert } = isFields(part) ? part : {};
  const { Regex: regex, String: literal } = isFields(pattern) ? pattern : {};
  const source = typeof literal === 'string' ? literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : regex;
  const isolates = behavior === 'Isolated';
  if (type !== 'Split' || typeof source !== 'string' || !(isolates || behavior === 'Removed')) {
    throw invalidTokenizer(`the pre-tokenizer ${found(part)} is not supported; a "Split" that isolates or removes is.`);
  }
  return { expression: expressionOf(source), matches: isolates || invert === true, gaps: isolates || invert !== true };
}

function parseByteLevel({ add_prefix_space: addBlank, use_regex: usesPattern }: Fields): Omit<PreTokenizer, 'splits'> {
  const last = { expression: expressionOf(BYTE_LEVEL_PATTERN), matches: true, gaps: true };
  return { addsBlank: Boolean(addBlank), last: usesPattern === false ? undefined : last };
}

function expressionOf(pattern: string): RegExp {
  try {
    return translatePattern(pattern);
  } catch (cause) {
    throw invalidTokenizer(`cannot be used: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
}
