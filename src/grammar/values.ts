/** Parts of JSON as rules: strings by automata or lengths, texts of numbers, any value. */
import { type Automaton, rangesByTarget, waysOut } from './automaton.ts';
import { intersectRanges, type Ranges, SCALARS } from './code-points.ts';
import { BLANK, type Rules, type Sequence } from './rules.ts';

/** How JSON writes the characters that cannot stand for themselves. Other control characters are not written. */
const ESCAPES: Readonly<Record<number, string>> = {
  8: '\\b',
  9: '\\t',
  10: '\\n',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};
const PLAIN: Ranges = intersectRanges(SCALARS, [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0x10ffff],
]);

/** One character of a string out of `ranges`: as itself, or as its one escape. */
function characters(ranges: Ranges): Sequence[] {
  const isIn = (code: number) => ranges.some(([first, last]) => first <= code && code <= last);
  const escapes = Object.keys(ESCAPES).map(Number).filter(isIn);
  const letters = escapes.map((code) => ESCAPES[code]!.codePointAt(1)!).sort((a, b) => a - b);
  const plain = intersectRanges(ranges, PLAIN);
  return [
    ...(plain.length > 0 ? [[{ ranges: plain }]] : []),
    ...(letters.length > 0 ? [[{ text: '\\' }, { ranges: letters.map((letter) => [letter, letter] as const) }]] : []),
  ];
}

const ANY_CHARACTER = characters(SCALARS);
const CLOSE: Sequence = [{ text: '"' }];

/** A JSON string, quotes included, whose value the automaton matches. @returns the rule */
export function stringLike(rules: Rules, automaton: Automaton): string {
  return rules.rule(`string like ${JSON.stringify(automaton)}`, () => {
    for (const way of waysOut(automaton)) rules.waysOut.add(JSON.stringify(way).slice(1));
    return [[{ text: '"' }, { rule: automatonRule(rules, automaton, characters, CLOSE) }]];
  });
}

/** A text of ASCII that the automaton matches, as it is. @returns the rule */
export const textLike = (rules: Rules, automaton: Automaton): string =>
  rules.rule(`text like ${JSON.stringify(automaton)}`, () => [
    [{ rule: automatonRule(rules, automaton, (ranges) => [[{ ranges }]], []) }],
  ]);

/** A rule per state. What leads back to a state at once is repeated there: that is cheaper to match than recursion. */
function automatonRule(
  rules: Rules,
  { accepts, edges }: Automaton,
  write: (ranges: Ranges) => Sequence[],
  close: Sequence,
): string {
  const prefix = rules.fresh([]);
  const ruleOf = (state: number): string =>
    rules.rule(`${prefix} ${state}`, () => {
      const ranges = rangesByTarget(edges[state]!);
      const loop = ranges.get(state);
      ranges.delete(state);
      const repeated: Sequence = loop ? [{ repeat: [{ choice: write(loop) }], min: 0, max: Infinity }] : [];
      const onward = [...ranges].flatMap(([target, own]) =>
        write(own).map((written): Sequence => [...repeated, ...written, { rule: ruleOf(target) }]),
      );
      return [...onward, ...(accepts[state] ? [[...repeated, ...close]] : [])];
    });
  return ruleOf(0);
}

/** Characters that are counted by states of their own; longer strings are counted in blocks of so many. */
const BLOCK = 32;

/**
 * A JSON string of `min` to `max` code points. Every state is tried against the whole vocabulary before the first token, so
 * that long strings share the states of blocks; the price is paid by masks at the blocks' borders.
 * @param max Infinity for no bound
 * @returns the rule
 */
export function stringOfLength(rules: Rules, min: number, max: number): string {
  const free = () =>
    rules.rule('string rest', () => [[{ repeat: [{ choice: ANY_CHARACTER }], min: 0, max: Infinity }, ...CLOSE]]);
  const block = () => rules.rule('string block', () => [[{ rule: exactly(BLOCK) }]]);
  const exactly = (length: number): string =>
    rules.rule(`string of ${length}`, () =>
      length === 0 ? [[]] : ANY_CHARACTER.map((one) => [...one, { rule: exactly(length - 1) }]),
    );
  /** At most `most` further ones, at least `least`, both within a block. */
  const tail = (least: number, most: number): string =>
    rules.rule(`string tail ${least} ${most}`, () => [
      ...(most > 0 ? ANY_CHARACTER.map((one) => [...one, { rule: tail(Math.max(0, least - 1), most - 1) }]) : []),
      ...(least === 0 ? [CLOSE] : []),
    ]);
  const mandatory = (least: number): string =>
    rules.rule(`string at least ${least}`, () =>
      least === 0 ? [[{ rule: free() }]] : ANY_CHARACTER.map((one) => [...one, { rule: mandatory(least - 1) }]),
    );
  const rest = (least: number, most: number): string => {
    if (most === Infinity && least < BLOCK) return mandatory(least);
    if (most < BLOCK) return tail(least, most);
    return rules.rule(`string rest ${least} ${most}`, () => [
      [{ rule: block() }, { rule: rest(Math.max(0, least - BLOCK), most - BLOCK) }],
      ...(least < BLOCK ? [[{ rule: tail(least, BLOCK - 1) }]] : []),
    ]);
  };
  return rules.rule(`string ${min} ${max}`, () => [[{ text: '"' }, { rule: rest(min, max) }]]);
}

export const anyString = (rules: Rules): string => stringOfLength(rules, 0, Infinity);

/** `items` between brackets, a comma between two of them. */
export const listed = (open: string, item: Sequence, close: string, min: number, max: number): Sequence[] => {
  const more = { repeat: [{ text: ',' }, BLANK, ...item], min: Math.max(0, min - 1), max: max - 1 };
  return [
    ...(min === 0 ? [[{ text: open + close }]] : []),
    ...(max > 0 ? [[{ text: open }, ...item, more, { text: close }]] : []),
  ];
};
