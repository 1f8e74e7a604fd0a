/**
 * Numbers between bounds, as automata over their decimal texts.
 *
 * A text has at most 15 significant digits, so that no two texts are read as one float64, and a bound compares with the
 * text as it does with the number that is read. Without bounds an exponent of up to two digits may follow.
 */
import { type Automaton, intersect, minimize, multiplesOf } from './automaton.ts';
import { textsLike } from './regular-expression.ts';

/** Significant digits of every number that is written. */
const DIGITS = 15;

export interface Bound {
  readonly value: number;
  /** The value itself is not allowed. */
  readonly isExclusive: boolean;
}

export interface NumberRange {
  readonly isInteger: boolean;
  readonly lower: Bound | undefined;
  readonly upper: Bound | undefined;
  /** Positive integers; with any of them only integers are written. */
  readonly divisors: readonly number[];
}

/** Of |value|: digits before the point without leading zeros ('0' for none), and after it without trailing zeros. */
interface Decimal {
  readonly whole: string;
  readonly fraction: string;
}

/** @returns texts of the numbers in range; it accepts none where none of them can be written @throws TooManyStates */
export function numbersIn({ isInteger, lower, upper, divisors }: NumberRange): Automaton {
  const wholeOnly = isInteger || divisors.length > 0;
  const hasBounds = lower !== undefined || upper !== undefined;
  const texts = magnitudes(wholeOnly, !wholeOnly && !hasBounds);
  const divisible = divisors.reduce((all, divisor) => intersect(all, multiplesOf(divisor)), texts);
  const zero = { value: 0, isExclusive: false };
  return withSign(
    between(divisible, [lower ?? zero, zero], upper ? [upper] : []),
    between(divisible, [...(upper ? [flip(upper)] : []), { value: 0, isExclusive: true }], lower ? [flip(lower)] : []),
  );
}

const flip = (bound: Bound) => ({ ...bound, value: -bound.value });

/** Texts of numbers >= 0. */
function magnitudes(wholeOnly: boolean, hasExponent: boolean): Automaton {
  const texts = Array.from({ length: DIGITS }, (_, index) => {
    const whole = index === 0 ? '(?:0|[1-9])' : `[1-9][0-9]{${index}}`;
    const room = DIGITS - 1 - index;
    return wholeOnly || room === 0 ? whole : `${whole}(?:\\.[0-9]{1,${room}})?`;
  });
  return textsLike(`(?:${texts.join('|')})${hasExponent ? '(?:[eE][+\\-]?[0-9]{1,2})?' : ''}`);
}

/** What of `texts`, which are of numbers >= 0, keeps to all bounds. */
function between(texts: Automaton, lower: readonly Bound[], upper: readonly Bound[]): Automaton {
  const patterns = [...lower.map(atLeast), ...upper.map(atMost)].filter((pattern) => pattern !== undefined);
  return patterns.reduce((all, pattern) => intersect(all, textsLike(pattern)), texts);
}

/** A pattern for numbers >= 0; undefined where all of them are. Exponents are possible only then. */
function atLeast({ value, isExclusive }: Bound): string | undefined {
  if (value < 0 || (value === 0 && !isExclusive)) return undefined;
  if (value === 0) return '(?:[0-9.]*[1-9][0-9.]*(?:[eE].*)?)';
  const { whole, fraction } = decimalOf(value);
  const options = [
    `[1-9][0-9]{${whole.length},}(?:\\.[0-9]+)?`,
    ...differing(whole, (digit) => digitsBetween(digit + 1, 9)).map((digits) => `${digits}(?:\\.[0-9]+)?`),
    ...differing(fraction, (digit) => digitsBetween(digit + 1, 9), '*').map((digits) => `${whole}\\.${digits}`),
  ];
  if (isExclusive) options.push(`${whole}\\.${fraction}[0-9]*[1-9][0-9]*`);
  else options.push(fraction === '' ? `${whole}(?:\\.[0-9]+)?` : `${whole}\\.${fraction}[0-9]*`);
  return `(?:${options.join('|')})`;
}

/** As `atLeast`. */
function atMost({ value, isExclusive }: Bound): string {
  if (value < 0) return '[]';
  const { whole, fraction } = decimalOf(value);
  const options = [
    ...(whole.length > 1 ? [`(?:0|[1-9][0-9]{0,${whole.length - 2}})(?:\\.[0-9]+)?`] : []),
    ...differing(whole, (digit, index) => digitsBetween(index === 0 && whole.length > 1 ? 1 : 0, digit - 1)).map(
      (digits) => `${digits}(?:\\.[0-9]+)?`,
    ),
    ...differing(fraction, (digit) => digitsBetween(0, digit - 1), '*').map((digits) => `${whole}\\.${digits}`),
    // Fewer digits than the bound's, which ends with none that is 0.
    ...Array.from(fraction, (_, index) => (index === 0 ? whole : `${whole}\\.${fraction.slice(0, index)}`)),
  ];
  if (!isExclusive) options.push(fraction === '' ? `${whole}(?:\\.0+)?` : `${whole}\\.${fraction}0*`);
  return options.length > 0 ? `(?:${options.join('|')})` : '[]';
}

/** Patterns that are equal to `digits` up to one digit, and of `allowed` there. @param behind how many follow it; default as many as in `digits` */
function differing(
  digits: string,
  allowed: (digit: number, index: number) => string | undefined,
  behind?: '*',
): string[] {
  return Array.from(digits).flatMap((digit, index) => {
    const different = allowed(Number(digit), index);
    const times = behind ?? `{${digits.length - index - 1}}`;
    return different === undefined ? [] : [`${digits.slice(0, index)}${different}[0-9]${times}`];
  });
}

const digitsBetween = (first: number, last: number) => (first <= last ? `[${first}-${last}]` : undefined);

function decimalOf(value: number): Decimal {
  const [digits = '', exponent = '0'] = String(Math.abs(value)).split('e');
  const [before = '', after = ''] = digits.split('.');
  const point = before.length + Number(exponent);
  const all = `${'0'.repeat(Math.max(0, -point))}${before}${after}`;
  const at = Math.max(0, point);
  const whole =
    all
      .slice(0, at)
      .padEnd(at, '0')
      .replace(/^0+(?=.)/, '') || '0';
  return { whole, fraction: all.slice(at).replace(/0+$/, '') };
}

/** One automaton of numbers >= 0 and, behind a minus, of the magnitudes of numbers < 0. */
function withSign(positive: Automaton, negative: Automaton): Automaton {
  const shift = (automaton: Automaton, by: number) =>
    automaton.edges.map((own) => own.map((edge) => ({ ...edge, target: edge.target + by })));
  const own = shift(positive, 1);
  const minus = { first: 0x2d, last: 0x2d, target: 1 + positive.accepts.length };
  return minimize({
    accepts: [positive.accepts[0]!, ...positive.accepts, ...negative.accepts],
    edges: [[minus, ...own[0]!], ...own, ...shift(negative, minus.target)],
  });
}
