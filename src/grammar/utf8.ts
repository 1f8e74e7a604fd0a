/** Code points as their UTF-8. xgrammar 0.1.27 reads ranges beyond ASCII wrongly (as of bytes), but ranges of bytes rightly. */
import type { Ranges } from './code-points.ts';

/** One range for each byte: every combination is a character. */
export type ByteRanges = readonly (readonly [first: number, last: number])[];

/** Last code points of one, two, three and four bytes. */
const LASTS = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/** @param ranges without surrogates */
export function utf8Ranges(ranges: Ranges): ByteRanges[] {
  return ranges.flatMap(([first, last]) =>
    LASTS.flatMap((end, index) => {
      const start = index === 0 ? 0 : LASTS[index - 1]! + 1;
      const [from, to] = [Math.max(first, start), Math.min(last, end)];
      return from <= to ? split(from, to, index) : [];
    }),
  );
}

/** @param numFollowing bytes behind the first, the same of both */
function split(first: number, last: number, numFollowing: number): ByteRanges[] {
  for (let byte = 1; byte <= numFollowing; byte++) {
    // All low bits or none of them: else the range is not a product of ranges of bytes.
    const low = (1 << (6 * byte)) - 1;
    if ((first & ~low) === (last & ~low)) continue;
    if ((first & low) !== 0) {
      return [...split(first, first | low, numFollowing), ...split((first | low) + 1, last, numFollowing)];
    }
    if ((last & low) !== low) {
      return [...split(first, (last & ~low) - 1, numFollowing), ...split(last & ~low, last, numFollowing)];
    }
  }
  const [from, to] = [bytesOf(first), bytesOf(last)];
  return [from.map((byte, index) => [byte, to[index]!] as const)];
}

const bytesOf = (code: number) => [...new TextEncoder().encode(String.fromCodePoint(code))];
