/** A context-free grammar as it is built, and as the text that xgrammar reads. */
import type { Ranges } from './code-points.ts';
import { utf8Ranges } from './utf8.ts';

export type Item =
  | { readonly text: string }
  | { readonly ranges: Ranges }
  | { readonly rule: string }
  /** `max` may be Infinity. */
  | { readonly repeat: Sequence; readonly min: number; readonly max: number }
  | { readonly choice: readonly Sequence[] };

export type Sequence = readonly Item[];

/** At most one space, where JSON has blanks after a comma or a colon: free ones would go on for ever. */
export const BLANK: Item = { choice: [[], [{ text: ' ' }]] };

export class Rules {
  /** Texts that bring strings of endless patterns to their ends, quotes included. */
  readonly waysOut = new Set<string>();
  readonly #rules = new Map<string, readonly Sequence[]>();
  readonly #names = new Map<string, string>();

  /**
   * The rule of `key`; asked for the first time, it is defined by `options`, which may refer to it already.
   * @returns the rule's name
   */
  rule(key: string, options: () => readonly Sequence[]): string {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = `r${this.#names.size}`;
    this.#names.set(key, name);
    this.#rules.set(name, []);
    this.#rules.set(name, options());
    return name;
  }

  /** A rule that nothing else refers to by a key. */
  fresh(options: readonly Sequence[]): string {
    return this.rule(`fresh ${this.#names.size}`, () => options);
  }

  /**
   * The grammar in xgrammar's EBNF, of what leads to a text: options that never end are left out.
   * @returns undefined where `root` itself leads to none
   */
  toText(root: string): string | undefined {
    const ending = this.#endingRules();
    if (!ending.has(root)) return undefined;
    const lines = [`root ::= ${root}`];
    const written = new Set([root]);
    for (const name of written) {
      const options = this.#rules.get(name)!.filter((option) => ends(option, ending));
      const refer = (other: string) => {
        written.add(other);
        return other;
      };
      lines.push(`${name} ::= ${options.map((option) => sequenceText(option, ending, refer)).join(' | ')}`);
    }
    return lines.join('\n');
  }

  #endingRules(): Set<string> {
    const ending = new Set<string>();
    for (let before = -1; before < ending.size; ) {
      before = ending.size;
      for (const [name, options] of this.#rules) {
        if (!ending.has(name) && options.some((option) => ends(option, ending))) ending.add(name);
      }
    }
    return ending;
  }
}

function ends(sequence: Sequence, ending: ReadonlySet<string>): boolean {
  return sequence.every((item) => {
    if ('rule' in item) return ending.has(item.rule);
    if ('repeat' in item) return item.min === 0 || ends(item.repeat, ending);
    if ('choice' in item) return item.choice.some((option) => ends(option, ending));
    return 'text' in item || item.ranges.length > 0;
  });
}

function sequenceText(sequence: Sequence, ending: ReadonlySet<string>, refer: (rule: string) => string): string {
  const items = sequence.flatMap((item) => {
    if ('text' in item) return item.text === '' ? [] : [literalText(item.text)];
    if ('ranges' in item) return [classText(item.ranges)];
    if ('rule' in item) return [refer(item.rule)];
    if ('choice' in item) {
      const options = item.choice.filter((option) => ends(option, ending));
      return [`(${options.map((option) => sequenceText(option, ending, refer)).join(' | ')})`];
    }
    const isNothing = item.max === 0 || !ends(item.repeat, ending);
    return isNothing ? [] : [`(${sequenceText(item.repeat, ending, refer)})${timesText(item.min, item.max)}`];
  });
  return items.length > 0 ? items.join(' ') : '""';
}

function timesText(min: number, max: number): string {
  if (max === Infinity && min <= 1) return min === 0 ? '*' : '+';
  return `{${min},${max === Infinity ? '' : max}}`;
}

const literalText = (text: string) => `"${Array.from(text, (character) => escaped(character)).join('')}"`;

/** One character out of `ranges`, in xgrammar's EBNF. */
export function classText(ranges: Ranges): string {
  const options = utf8Ranges(ranges);
  const ascii = options.filter(([first]) => first![1] < 0x80).map(([only]) => memberText(only!));
  const others = options.filter(([first]) => first![1] >= 0x80).map((bytes) => bytes.map(byteText).join(' '));
  const texts = [...(ascii.length > 0 ? [`[${ascii.join('')}]`] : []), ...others];
  return texts.length === 1 && ascii.length > 0 ? texts[0]! : `(${texts.join(' | ')})`;
}

const codeText = (code: number) => escaped(String.fromCharCode(code));
const memberText = ([first, last]: readonly [number, number]) =>
  first === last ? codeText(first) : `${codeText(first)}-${codeText(last)}`;

/** A single byte stands twice: alone it would be read as a character. */
const byteText = ([first, last]: readonly [number, number]) =>
  first === last ? `[${codeText(first)}${codeText(first)}]` : `[${codeText(first)}-${codeText(last)}]`;

/** Whatever might mean something stands as its code. */
function escaped(character: string): string {
  if (/[ !#-,./0-9:;<=>?@A-Z_a-z{|}]/.test(character)) return character;
  const code = character.codePointAt(0)!.toString(16);
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
}
