import { BPE } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BytePairEncoder } from '../../src/tokenizer/bpe.ts';

/** Merges of four letters and of what they make, in any order: a pair may well come before its own parts. */
const tables = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 24 }).chain((picks) => {
  const tokens = [...'abcd'];
  const pairs = new Map<string, [string, string]>();
  for (const [left, right] of picks) {
    const pair: [string, string] = [tokens[left % tokens.length]!, tokens[right % tokens.length]!];
    pairs.set(pair.join(' '), pair);
    if (!tokens.includes(pair.join(''))) tokens.push(pair.join(''));
  }
  return fc.record({
    tokens: fc.constant(tokens),
    pairs: fc.shuffledSubarray([...pairs.values()], { minLength: pairs.size }),
    asText: fc.boolean(),
    ignoresMerges: fc.boolean(),
  });
});
const piece = fc.string({ unit: fc.constantFrom(...'abcd'), minLength: 1, maxLength: 40 });

it('joins what the library joins, and in its order', () => {
  fc.assert(
    fc.property(tables, fc.array(piece, { maxLength: 6 }), ({ tokens, pairs, asText, ignoresMerges }, pieces) => {
      const ids = new Map(tokens.map((token, id) => [token, id]));
      const merges = asText ? pairs.map((pair) => pair.join(' ')) : pairs;
      const bpe = new BytePairEncoder({ ids, merges, ignoresMerges, numTokens: ids.size });
      const config = { type: 'BPE', vocab: Object.fromEntries(ids), merges, ignore_merges: ignoresMerges };
      const oracle = new BPE(config as unknown as ConstructorParameters<typeof BPE>[0]);
      for (const text of pieces) {
        const expected = oracle._call([text]).map((token) => ids.get(token));
        expect(bpe.encode(text)).toEqual(expected);
        expect(bpe.encode(text)).toEqual(expected); // from its cache
      }
    }),
    { numRuns: 2000 },
  );
});

it('takes the last character of a piece for what it is, not for a neighbour of what is not there', () => {
  const ids = new Map(['a', 'undefined', 'aundefined'].map((token, id) => [token, id]));
  const bpe = new BytePairEncoder({ ids, merges: ['a undefined'], ignoresMerges: false, numTokens: 3 });
  expect(bpe.encode('a')).toEqual([0]);
});

it('encodes a piece of 200,000 characters without comparing all with all', () => {
  const tokens = Array.from({ length: 12 }, (_, power) => 'a'.repeat(2 ** power));
  const merges = tokens.slice(1).map((token) => [token.slice(token.length / 2), token.slice(token.length / 2)]);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const bpe = new BytePairEncoder({ ids, merges, ignoresMerges: false, numTokens: 12 });
  const lengths = bpe.encode('a'.repeat(200_001)).map((id) => 2 ** id);
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(200_001);
  expect(lengths.filter((length) => length < 2048).length).toBeLessThan(12);
});
