import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256 } from '../../../src/storage/cache/digest.ts';
import { Sha256 } from '../../../src/storage/cache/sha256.ts';

/** Bytes that depend on the seed and the place. */
function randomBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed | 1;
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state, 0x2c9277b5) + 0x3c6ef35f;
    return state >>> 24;
  });
}

function hashInPieces(bytes: Uint8Array, lengths: readonly number[]): string {
  const hash = new Sha256();
  let at = 0;
  for (const length of lengths) {
    hash.update(bytes.subarray(at, at + length));
    at += length;
  }
  hash.update(bytes.subarray(at));
  return hash.digest();
}

test('every length about a block and about what is taken in at a time hashes as WebCrypto has it', async () => {
  const bytes = randomBytes(66_000, 1);
  const lengths = [...Array(200).keys(), ...Array.from({ length: 140 }, (_, i) => 65_536 - 70 + i)];
  for (const length of lengths) {
    const some = bytes.slice(0, length);
    expect(hashInPieces(some, []), `${length} bytes`).toBe(await sha256(some));
  }
});

test('bytes in pieces of any lengths hash as WebCrypto hashes them at once', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 0, max: 200_000 }),
    fc.array(fc.oneof(fc.integer({ min: 0, max: 130 }), fc.integer({ min: 0, max: 140_000 })), { maxLength: 12 }),
    fc.integer(),
    async (length, pieces, seed) => {
      const bytes = randomBytes(length, seed);
      expect(hashInPieces(bytes, pieces)).toBe(await sha256(bytes));
    },
  );
  await fc.assert(property, { numRuns: 30 });
});

test('hashes that are under way at the same time do not disturb each other', async () => {
  const [a, b] = [randomBytes(100_001, 2), randomBytes(70_003, 3)];
  const [first, second] = [new Sha256(), new Sha256()];
  first.update(a.subarray(0, 5));
  second.update(b);
  first.update(a.subarray(5));
  expect(second.digest()).toBe(await sha256(b));
  expect(first.digest()).toBe(await sha256(a));
});
