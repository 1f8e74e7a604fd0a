import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../../src/tokenizer/tokenizer.ts';
import { loadScoutling, readJson, scoutlingJson } from './models.ts';

const tokenizer = loadScoutling();

// tests/fixtures/tokenizer/scoutling-encode.json: ids by Hugging Face tokenizers 0.23.3 (Rust), added tokens removed.
const cases: { text: string; ids: number[] }[] = readJson('tests/fixtures/tokenizer/scoutling-encode.json');

describe('encoding', () => {
  it('gives the ids of the Rust library for text in many scripts, odd blanks, long s and typed special tokens', () => {
    expect(cases.map(({ text }) => tokenizer.encodeText(text))).toEqual(cases.map(({ ids }) => ids));
  });

  it('never makes a special token of text, and decodes to the same text', () => {
    const specials = [...tokenizer.specialTokens.keys()];
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...specials, '<|', '|>', '\ufeff', ' \u0085'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        const ids = tokenizer.encodeText(text);
        expect(Math.max(-1, ...ids)).toBeLessThan(Math.min(...tokenizer.specialTokens.values()));
        expect(tokenizer.decode(ids, { skipSpecial: false })).toBe(text);
      }),
    );
  });

  it('encodes each text segment by itself, between the ids of the special ones', () => {
    const segments = [{ special: '<|begin_of_text|>' }, { text: '\n' }, { text: '\n' }, { special: '<|eot|>' }];
    const newline = tokenizer.encodeText('\n');
    const [begin, end] = ['<|begin_of_text|>', '<|eot|>'].map((text) => tokenizer.specialTokens.get(text)!);
    expect(tokenizer.encodeRendered(segments)).toEqual([begin, ...newline, ...newline, end]);
  });

  it('names its special tokens and how many ids have text', () => {
    expect([tokenizer.numTokens, tokenizer.bosToken, tokenizer.specialTokens.size]).toEqual([
      4096,
      '<|begin_of_text|>',
      32,
    ]);
    expect(tokenizer.namedTokens).toMatchObject({ bos_token: '<|begin_of_text|>', eos_token: '<|eot|>' });
  });
});

describe('decoding', () => {
  const streamed = (ids: readonly number[], skipSpecial = false) => {
    const decoder = tokenizer.createDecoder({ skipSpecial });
    return [...ids.map((id) => decoder.push(id)), decoder.end()];
  };
  // In this vocabulary the 256 bytes have one id each, so any byte sequence can be written in ids.
  const idOfByte = new Map(Array.from({ length: 256 }, (_, byte) => [byte, idFor(byte)]));
  function idFor(byte: number): number {
    const vocabulary: Record<string, number> = scoutlingJson().model.vocab;
    const printable = (code: number) => (code > 0x20 && code < 0x7f) || (code > 0xa0 && code !== 0xad && code < 0x100);
    const hidden = Array.from({ length: byte }, (_, code) => code).filter((code) => !printable(code)).length;
    return vocabulary[String.fromCharCode(printable(byte) ? byte : 0x100 + hidden)]!;
  }

  it('equals a decoder of the joined bytes for any bytes, and no piece holds half a character', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.string({ unit: 'binary' }).map((s) => new TextEncoder().encode(s)),
    );
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 4 }), (parts) => {
        const all = parts.flatMap((part) => [...part]);
        const pieces = streamed(all.map((byte) => idOfByte.get(byte)!));
        expect(pieces.join('')).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(all)));
        for (const piece of pieces) expect(piece).not.toMatch(/\p{Cs}/u);
      }),
    );
  });

  it('holds a character back until its last byte, and shows U+FFFD only where it never comes', () => {
    const emoji = [0xf0, 0x9f, 0x90, 0x89].map((byte) => idOfByte.get(byte)!);
    expect(streamed(emoji)).toEqual(['', '', '', '🐉', '']);
    expect(streamed(emoji.slice(0, 3))).toEqual(['', '', '', '\ufffd']);
  });

  it('shows or skips special tokens', () => {
    const ids = tokenizer.encodeRendered([
      { special: '<|header_start|>' },
      { text: 'user' },
      { special: '<|header_end|>' },
    ]);
    expect(tokenizer.decode(ids, { skipSpecial: false })).toBe('<|header_start|>user<|header_end|>');
    expect(tokenizer.decode(ids, { skipSpecial: true })).toBe('user');
  });

  it('refuses an id that has no text', () => {
    expect(() => tokenizer.decode([4096], { skipSpecial: true })).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: { id: 4096, numTokens: 4096 } }),
    );
  });
});

describe('a bad tokenizer.json', () => {
  const changed = (path: readonly string[], value: unknown) => {
    const json = scoutlingJson();
    const parent = path.slice(0, -1).reduce((object, key) => object[key], json);
    parent[path.at(-1)!] = value;
    return json;
  };
  it.each<[string, unknown, RegExp]>([
    ['is not an object', '<!doctype html>', /found "<!doctype html>", needs a JSON object/],
    ['is not BPE', changed(['model', 'type'], 'Unigram'), /"Unigram"/],
    ['has another decoder', changed(['decoder', 'type'], 'Metaspace'), /"Metaspace"/],
    ['lacks bytes', changed(['model', 'vocab'], { a: 0 }), /byte 0x00 has no token/],
    ['has a broken id', changed(['model', 'vocab', 'the'], '7'), /"the" is "7"/],
    ['has a broken merge', changed(['model', 'merges', '3'], ['a']), /merges\[3\]/],
    ['has a broken added token', changed(['added_tokens', '0'], { id: -1 }), /added_tokens\[0\]/],
    ['has an unknown pre-tokenizer', changed(['pre_tokenizer'], { type: 'Nonsense' }), /Nonsense/],
    ['merges what it splits', changed(['pre_tokenizer', 'pretokenizers', '0', 'behavior'], 'Contiguous'), /isolates/],
    [
      'never makes bytes of text',
      changed(['pre_tokenizer', 'pretokenizers', '1'], null),
      /null; it must be "ByteLevel"/,
    ],
    ['ends with another step', changed(['pre_tokenizer', 'pretokenizers'], []), /nothing; it must be "ByteLevel"/],
    ['changes letters', changed(['normalizer'], { type: 'Lowercase' }), /"Lowercase"; only Unicode forms/],
    ['lacks its bos_token', changed(['added_tokens'], []), /no added token "<.begin_of_text.>"/],
  ])('that %s is refused by name', (_, json, message) => {
    const refused = expect.objectContaining({ code: 'tokenizer_invalid', message: expect.stringMatching(message) });
    expect(() => createTokenizer(json, { bos_token: { content: '<|begin_of_text|>' } })).toThrow(refused);
  });

  it('brings text to the Unicode form that it names', () => {
    const json = { ...scoutlingJson(), normalizer: { type: 'NFC' } };
    expect(createTokenizer(json, {}).encodeText('e\u0301')).toEqual(tokenizer.encodeText('\u00e9'));
  });

  it('lists a special token as ordinary, yet typed text does not become it', () => {
    const json = scoutlingJson();
    json.model.vocab['<|eot|>'] = 4072;
    json.pre_tokenizer = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
    json.model.ignore_merges = true;
    expect(createTokenizer(json, {}).encodeText('<|eot|>')).not.toContain(4072);
  });
});
