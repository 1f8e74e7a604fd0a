/**
 * JSON Schema's `pattern`, which is a regular expression of ECMAScript with the `u` flag and matches anywhere in a text,
 * as an automaton of whole texts.
 */
import { type Automaton, determinize, type Edge, type Nfa, trim } from './automaton.ts';
import { complementRanges, type Ranges, rangesOf, SCALARS, unite } from './code-points.ts';

interface Repeat {
  readonly kind: 'repeat';
  readonly node: Node;
  readonly min: number;
  readonly max: number;
}

type Node =
  | { readonly kind: 'set'; readonly ranges: Ranges }
  | { readonly kind: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly kind: 'choice'; readonly nodes: readonly Node[] }
  | Repeat;

/** Thrown for what no automaton of ours does; `message` names the construct. */
export class UnsupportedPattern extends Error {}

/** Where a text begins and ends, as if they were characters around it: then anchors are sets like others. */
const [BEGIN, END] = [0x110000, 0x110001];
const begin: Node = { kind: 'set', ranges: [[BEGIN, BEGIN]] };
const end: Node = { kind: 'set', ranges: [[END, END]] };
const anything: Node = { kind: 'repeat', node: { kind: 'set', ranges: SCALARS }, min: 0, max: Infinity };
const optional = (...nodes: Node[]): Node => ({
  kind: 'repeat',
  node: { kind: 'sequence', nodes },
  min: 0,
  max: 1,
});

/** Repetitions are written out, which must end somewhere. */
const MAX_NFA_STATES = 20_000;

const DIGITS: Ranges = [[0x30, 0x39]];
const WORD: Ranges = unite([...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]);
const LINE_ENDS = rangesOf('\n\r\u2028\u2029');
const BLANKS = unite([...LINE_ENDS, ...rangesOf('\t\v\f \u00a0\u1680\u202f\u205f\u3000\ufeff'), [0x2000, 0x200a]]);
const CLASSES: Readonly<Record<string, Ranges>> = {
  d: DIGITS,
  D: complementRanges(DIGITS),
  w: WORD,
  W: complementRanges(WORD),
  s: BLANKS,
  S: complementRanges(BLANKS),
};
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };

/**
 * Every text in which the pattern is found.
 * @throws UnsupportedPattern for a syntax error, lookaround, back references, word borders, `\p`
 * @throws TooManyStates
 */
export function textsWith(pattern: string): Automaton {
  const found: Node = {
    kind: 'sequence',
    nodes: [optional(begin, anything), parse(pattern), optional(anything, end)],
  };
  const { accepts, edges } = determinize(nfaOf(found));
  const after = (state: number, sign: number) => edges[state]!.find(({ first, last }) => first <= sign && sign <= last);
  const start = after(0, BEGIN)?.target;
  if (start === undefined) return { accepts: [false], edges: [[]] };
  const isEnd = edges.map((_, state) => {
    const target = after(state, END)?.target;
    return target !== undefined && accepts[target]!;
  });
  // The text itself begins after the sign: in a state of its own before all others.
  const own = edges.map((from) =>
    from.filter(({ first }) => first < BEGIN).map((edge) => ({ ...edge, target: edge.target + 1 })),
  );
  return trim({ accepts: [isEnd[start]!, ...isEnd], edges: [own[start]!, ...own] });
}

/** Exactly the texts that the pattern matches from end to end; it has no anchors. As `textsWith` otherwise. */
export const textsLike = (pattern: string): Automaton => determinize(nfaOf(parse(pattern)));

function parse(pattern: string): Node {
  try {
    new RegExp(pattern, 'u');
  } catch (error) {
    throw new UnsupportedPattern((error as Error).message);
  }
  return new Parser(pattern).parse();
}

/** Of patterns whose syntax is known to be right. */
class Parser {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  parse(): Node {
    const nodes = [this.#sequence()];
    while (this.#take('|')) nodes.push(this.#sequence());
    return { kind: 'choice', nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#at < this.#characters.length && !this.#sees('|') && !this.#sees(')')) nodes.push(this.#term());
    return { kind: 'sequence', nodes };
  }

  #term(): Node {
    const node = this.#atom();
    const [min, max] = this.#quantifier();
    return min === 1 && max === 1 ? node : { kind: 'repeat', node, min, max };
  }

  #quantifier(): readonly [min: number, max: number] {
    const rest = this.#characters.slice(this.#at, this.#at + 40).join('');
    const [text, sign, least, comma, most] = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(rest) ?? [''];
    this.#at += text.length;
    if (sign) return [sign === '+' ? 1 : 0, sign === '?' ? 1 : Infinity];
    if (least === undefined) return [1, 1];
    return [Number(least), most ? Number(most) : comma ? Infinity : Number(least)];
  }

  #atom(): Node {
    const character = this.#next();
    if (character === '^') return begin;
    if (character === '$') return end;
    if (character === '.') return { kind: 'set', ranges: complementRanges(LINE_ENDS) };
    if (character === '(') return this.#group();
    if (character === '[') return { kind: 'set', ranges: this.#class() };
    if (character === '\\') return { kind: 'set', ranges: this.#escape() };
    return { kind: 'set', ranges: rangesOf(character) };
  }

  #group(): Node {
    if (this.#take('?')) {
      if (this.#take('<')) {
        if (this.#sees('=') || this.#sees('!')) throw new UnsupportedPattern('lookbehind');
        while (!this.#take('>')) this.#at++;
      } else if (!this.#take(':')) {
        const isLookahead = this.#sees('=') || this.#sees('!');
        throw new UnsupportedPattern(isLookahead ? 'lookahead' : 'flags of a group');
      }
    }
    const node = this.parse();
    this.#at++; // the bracket that closes it
    return node;
  }

  #class(): Ranges {
    const isNegated = this.#take('^');
    const ranges: (readonly [number, number])[] = [];
    while (!this.#take(']')) {
      const first = this.#classMember();
      if (!this.#sees('-') || this.#characters[this.#at + 1] === ']') {
        ranges.push(...first);
        continue;
      }
      this.#at++;
      ranges.push([first[0]![0], this.#classMember()[0]![0]]);
    }
    return isNegated ? complementRanges(ranges) : unite(ranges);
  }

  #classMember(): Ranges {
    if (this.#take('\\')) return this.#take('b') ? [[8, 8]] : this.#escape();
    return rangesOf(this.#next());
  }

  #escape(): Ranges {
    const character = this.#next();
    if (Object.hasOwn(CLASSES, character)) return CLASSES[character]!;
    if (Object.hasOwn(CONTROLS, character)) return single(CONTROLS[character]!);
    if (character === 'c') return single(this.#next().codePointAt(0)! % 32);
    if (character === 'x') return single(this.#hex(2));
    if (character === 'u') return single(this.#codePoint());
    if (/[1-9k]/.test(character)) throw new UnsupportedPattern('a back reference');
    if (/[bB]/.test(character)) throw new UnsupportedPattern(`\\${character} (a word border)`);
    if (/[pP]/.test(character)) throw new UnsupportedPattern(`\\${character} (a Unicode property)`);
    return rangesOf(character);
  }

  #codePoint(): number {
    if (this.#take('{')) {
      const digits = this.#characters.indexOf('}', this.#at) - this.#at;
      const code = this.#hex(digits);
      this.#at++;
      return code;
    }
    const code = this.#hex(4);
    const isPair = code >= 0xd800 && code < 0xdc00 && this.#sees('\\') && this.#characters[this.#at + 1] === 'u';
    if (!isPair) return code;
    this.#at += 2;
    return 0x10000 + (code - 0xd800) * 0x400 + (this.#hex(4) - 0xdc00);
  }

  #hex(digits: number): number {
    this.#at += digits;
    return Number.parseInt(this.#characters.slice(this.#at - digits, this.#at).join(''), 16);
  }

  #next(): string {
    return this.#characters[this.#at++]!;
  }

  #sees(character: string): boolean {
    return this.#characters[this.#at] === character;
  }

  #take(character: string): boolean {
    const isThere = this.#sees(character);
    if (isThere) this.#at++;
    return isThere;
  }
}

const single = (code: number): Ranges => [[code, code]];

/** Thompson's construction. */
function nfaOf(node: Node): Nfa {
  const empty: number[][] = [];
  const edges: Edge[][] = [];
  const add = () => {
    if (edges.length >= MAX_NFA_STATES) throw new UnsupportedPattern('so many repetitions');
    empty.push([]);
    return edges.push([]) - 1;
  };
  /** @returns the state after `own`, which begins in `from` */
  const build = (own: Node, from: number): number => {
    if (own.kind === 'sequence') return own.nodes.reduce((state, next) => build(next, state), from);
    const to = add();
    if (own.kind === 'set') {
      for (const [first, last] of own.ranges) edges[from]!.push({ first, last, target: to });
    } else if (own.kind === 'choice') {
      for (const option of own.nodes) empty[build(option, from)]!.push(to);
    } else buildRepeat(own, from, to);
    return to;
  };
  const buildRepeat = ({ node: own, min, max }: Repeat, from: number, to: number) => {
    let state = from;
    for (let count = 0; count < min; count++) state = build(own, state);
    empty[state]!.push(to);
    if (max === Infinity) {
      const loop = add(); // of its own: nothing may come back to what stands before
      empty[state]!.push(loop);
      empty[build(own, loop)]!.push(loop, to);
      return;
    }
    for (let count = min; count < max; count++) {
      state = build(own, state);
      empty[state]!.push(to);
    }
  };
  const start = add();
  return { start, end: build(node, start), empty, edges };
}
