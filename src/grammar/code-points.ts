/** Sets of code points as sorted, disjoint ranges; both ends belong to a range. */
export type Ranges = readonly (readonly [first: number, last: number])[];

/** Every code point that UTF-8 can carry: surrogates are none. */
export const SCALARS: Ranges = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

/** @param ranges in any order, overlapping or not */
export function unite(ranges: Ranges): Ranges {
  const united: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = united.at(-1);
    if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else united.push([first, last]);
  }
  return united;
}

export function intersectRanges(a: Ranges, b: Ranges): Ranges {
  const common: [number, number][] = [];
  for (const [first, last] of a) {
    for (const [otherFirst, otherLast] of b) {
      const from = Math.max(first, otherFirst);
      const to = Math.min(last, otherLast);
      if (from <= to) common.push([from, to]);
    }
  }
  return unite(common);
}

/** What of `SCALARS` is not in `ranges`. */
export function complementRanges(ranges: Ranges): Ranges {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [first, last] of unite(ranges)) {
    if (first > next) rest.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= 0x10ffff) rest.push([next, 0x10ffff]);
  return intersectRanges(rest, SCALARS);
}

/** The code points of a text, each as a range. */
export const rangesOf = (characters: string): Ranges =>
  unite(Array.from(characters, (character) => [character.codePointAt(0)!, character.codePointAt(0)!] as const));
