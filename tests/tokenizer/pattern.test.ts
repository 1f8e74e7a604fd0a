import { SplitPreTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { translatePattern } from '../../src/tokenizer/pattern.ts';
import { parsePreTokenizer } from '../../src/tokenizer/pre-tokenizer.ts';
import { createTextSplitter } from '../../src/tokenizer/split.ts';
import { scoutlingJson } from './models.ts';

const PATTERNS: Readonly<Record<string, string>> = {
  'Llama 4': scoutlingJson().pre_tokenizer.pretokenizers[0].pattern.Regex,
  'Llama 3':
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  'GPT-2': "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  'an invented one': "(?<=a)[\\-\\]\\d.]{2}|'(?i:[sdmt]|l(?:l|v)e)|\\.\\D|[^\\S\\n]+|.|\\'",
};
const createPreTokenizer = (config: unknown) => createTextSplitter(structuredClone(parsePreTokenizer(config)));
const characters = 'aZsKlLveRéßДж中١9 ½\t\n\r\f\u0085\u00a0\ufeff\u2028\'".-])^$/_🐉\u0301';

describe('a pattern of the reference in JavaScript', () => {
  // The library's own translation is the oracle; it lacks the two letters that fold onto ASCII from outside.
  it.each(Object.entries(PATTERNS))('cuts any text as the library does: %s', (_, regex) => {
    const config = { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false } as const;
    const oracle = new SplitPreTokenizer(config as ConstructorParameters<typeof SplitPreTokenizer>[0]);
    const bytes = createPreTokenizer({ type: 'ByteLevel', use_regex: false });
    const split = createPreTokenizer({
      type: 'Sequence',
      pretokenizers: [config, { type: 'ByteLevel', use_regex: false }],
    });
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...characters), maxLength: 24 }),
      fc.string({ unit: 'binary' }).filter((string) => !/[\u017f\u212a]/.test(string)),
    );
    fc.assert(
      fc.property(text, (string) => {
        expect(split(string)).toEqual(oracle.pre_tokenize(string).flatMap((piece) => bytes(piece)));
      }),
      { numRuns: 2000 },
    );
  });

  it('folds case with Unicode: long s is an s, the Kelvin sign a k, inside a class too', () => {
    expect('sSſkKK'.match(translatePattern('(?i:s|[k])'))).toEqual(['s', 'S', 'ſ', 'k', 'K', 'K']);
    expect('sSſkKK'.match(translatePattern('s|(?i:K)s?|(?:k)'))).toEqual(['s', 'k', 'K', 'K']);
  });

  it.each(['^a', 'a$', '\\bword', '\\w+', '\\h', 'a++', '(?>a)', '(?i)a', '(?m:.)', '(?<n>a)', '(a)\\1'])(
    'refuses %s, which could mean another thing',
    (pattern) => expect(() => translatePattern(pattern)).toThrow(SyntaxError),
  );
  it.each(['[[:alpha:]]', '[a[b]]', '[a&&b]', '[]a]', '[^]a]', '\\p{^L}', '\\p{Word}', '(?i:é)', '(?i:\\p{Lu})'])(
    'refuses %s likewise',
    (pattern) => expect(() => translatePattern(pattern)).toThrow(SyntaxError),
  );
});

describe('a Split', () => {
  const pieces = (behavior: string, invert: boolean, pattern: object) =>
    createPreTokenizer({
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern, behavior, invert },
        { type: 'ByteLevel', use_regex: false },
      ],
    })('a.b..');

  it('isolates or removes what it finds, or with invert the rest', () => {
    expect(pieces('Isolated', false, { String: '.' })).toEqual(['a', '.', 'b', '.', '.']);
    expect(pieces('Isolated', true, { Regex: '\\.' })).toEqual(['a', '.', 'b', '.', '.']);
    expect(pieces('Removed', false, { String: '.' })).toEqual(['a', 'b']);
    expect(pieces('Removed', true, { Regex: '[.]' })).toEqual(['.', '.', '.']);
  });
});

it('a ByteLevel puts a blank before a text without one, and cuts by its own pattern unless told otherwise', () => {
  const config = { type: 'ByteLevel', add_prefix_space: true };
  expect(createPreTokenizer(config)("it's é")).toEqual(['Ġit', "'s", 'ĠÃ©']);
  expect(createPreTokenizer({ ...config, use_regex: false })(" it's")).toEqual(["Ġit's"]);
});
