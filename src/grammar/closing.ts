/**
 * Ends an answer while its tokens last: what is cut off in the middle of JSON is of no use. Until the tokens run short nothing is
 * changed; then strings, lists and objects are closed as soon as the grammar lets them, and nothing is opened that need not be.
 */
import type { GrammarMatcher } from '@mlc-ai/web-xgrammar';

type Mask = Uint32Array<ArrayBuffer>;

/** A way to the end that is longer is not looked for. */
const MAX_STEPS = 400;
/** Tokens beside those of the shortest way, for choices that the model still has. */
const SPARE = 16;

/** Ids by what they do to JSON. Of one vocabulary. */
export class ClosingIds {
  readonly #closers: Mask;
  readonly #plain: Mask;
  /** One byte of ASCII that opens nothing, by id. */
  readonly #singles: Mask;
  readonly #isEnd: Mask;

  /** @param tokens in the byte-level alphabet, '' for special tokens */
  constructor(tokens: readonly string[], endIds: readonly number[]) {
    const maskOf = (isWanted: (token: string) => boolean) => {
      const mask = new Uint32Array(Math.ceil(tokens.length / 32));
      for (const [id, token] of tokens.entries()) if (isWanted(token)) mask[id >> 5]! |= 1 << (id & 31);
      return mask;
    };
    this.#closers = maskOf((token) => /^["\]}]+$/.test(token));
    this.#plain = maskOf((token) => token !== '' && !/[[{]/.test(token));
    this.#singles = maskOf((token) => /^[!-Z\\\]^-z|}~Ġ]$/.test(token));
    this.#isEnd = new Uint32Array(this.#plain.length);
    for (const id of endIds) this.#isEnd[id >> 5]! |= 1 << (id & 31);
  }

  /** Whether anything but an end may follow. */
  goesOn(mask: Mask): boolean {
    return mask.some((word, index) => (word & ~this.#isEnd[index]!) !== 0);
  }

  /** Whether the answer may end here. */
  mayEnd(mask: Mask): boolean {
    return mask.some((word, index) => (word & this.#isEnd[index]!) !== 0);
  }

  /** What of a mask leads to an end; never nothing. */
  narrow(mask: Mask): Mask {
    for (const wanted of [this.#closers, this.#singles, this.#plain]) {
      const both = mask.map((word, index) => word & wanted[index]!);
      if (both.some((word) => word !== 0)) return both;
    }
    return mask;
  }

  /**
   * One id of what `narrow` leaves: the one that was taken least.
   * @param taken since something was last finished; it counts this one
   */
  pick(mask: Mask, taken: Map<number, number>): number {
    const narrowed = this.narrow(mask);
    const ids = [...narrowed].flatMap((word, index) => bitsOf(word).map((bit) => index * 32 + bit));
    const least = ids.reduce((best, id) => ((taken.get(id) ?? 0) < (taken.get(best) ?? 0) ? id : best));
    if (this.#finishes(least)) taken.clear();
    else taken.set(least, (taken.get(least) ?? 0) + 1);
    return least;
  }

  #finishes(id: number): boolean {
    return ((this.#closers[id >> 5]! >> (id & 31)) & 1) === 1;
  }
}

const bitsOf = (word: number): number[] =>
  word === 0 ? [] : Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => ((word >> bit) & 1) === 1);

/** Of one choice. */
export class Closing {
  readonly #ids: ClosingIds;
  readonly #matcher: GrammarMatcher;
  #left: number;
  /** Tokens that are left when the way to the end is looked for again. */
  #nextLook: number;
  /** What is left of the way to the end, once it is taken. */
  #way: number[] | undefined;

  /** @param numTokens that the choice may have, at least 1; Infinity: it is never closed */
  constructor(ids: ClosingIds, matcher: GrammarMatcher, numTokens: number) {
    this.#ids = ids;
    this.#matcher = matcher;
    this.#left = numTokens;
    this.#nextLook = numTokens === Infinity ? 0 : numTokens;
  }

  /** A token was chosen. */
  count(): void {
    this.#left--;
    this.#way?.shift();
  }

  /** @param mask of the next token, with something but an end in it @returns undefined: the choice ends here */
  async narrow(mask: Mask): Promise<Mask | undefined> {
    if (this.#way) return onlyNext(this.#way, mask.length);
    if (this.#left > this.#nextLook) return mask;
    const way = await this.#wayToEnd(mask);
    if (way === undefined || way.length > this.#left) {
      // Out of reach; it may be nearer later on.
      this.#nextLook = this.#left - SPARE;
      return mask;
    }
    const spare = this.#left - way.length;
    if (spare > SPARE) {
      // Whatever is opened until then has its own end to be written.
      this.#nextLook = this.#left - Math.ceil((spare - SPARE) / 2);
      return mask;
    }
    if (way.length > 0 && spare > SPARE / 4) return this.#ids.narrow(mask);
    this.#way = way;
    return onlyNext(way, mask.length);
  }

  /** Tokens of a short way to the end; undefined where none was found. The matcher is afterwards as it was. */
  async #wayToEnd(first: Mask): Promise<number[] | undefined> {
    const way: number[] = [];
    // In a pattern, what brings it to its end may be any character: each has its turn.
    const taken = new Map<number, number>();
    let mask = first;
    while (!this.#ids.mayEnd(mask) && way.length < MAX_STEPS) {
      const id = this.#ids.pick(mask, taken);
      if (!this.#matcher.acceptToken(id)) break;
      way.push(id);
      mask = maskOf(await this.#matcher.getNextTokenBitmask());
    }
    if (way.length > 0) this.#matcher.rollBack(way.length);
    return this.#ids.mayEnd(mask) ? way : undefined;
  }
}

function onlyNext([id]: readonly number[], numWords: number): Mask | undefined {
  if (id === undefined) return undefined;
  const only = new Uint32Array(numWords);
  only[id >> 5] = 1 << (id & 31);
  return only;
}

export const maskOf = (words: Int32Array): Mask => new Uint32Array(words.buffer as ArrayBuffer);
