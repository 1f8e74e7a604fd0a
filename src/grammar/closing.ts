/**
 * Ends an answer while its tokens last: what is cut off in the middle of JSON is of no use. Until the tokens run short nothing is
 * changed; then strings, lists and objects are closed as soon as the grammar lets them, and nothing is opened that need not be.
 */
import type { GrammarMatcher } from '@mlc-ai/web-xgrammar';

type Mask = Uint32Array<ArrayBuffer>;

/** A way to the end that is longer is not looked for. */
const MAX_STEPS = 400;
/** Where so few tokens are allowed, they are parts of one text, of which the longest gets farthest. */
const MAX_FIXED = 12;
/** Tokens beside those of the shortest way, for choices that the model still has. */
const SPARE = 16;

/** Ids by what they do to JSON. Of one vocabulary. */
export class ClosingIds {
  readonly #tokens: readonly string[];
  readonly #quotes: Mask;
  /** Ids of one byte, by its letter in the byte-level alphabet. */
  readonly #bytes: ReadonlyMap<string, number>;
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
    this.#tokens = tokens;
    this.#quotes = maskOf((token) => token.startsWith('"'));
    this.#bytes = new Map(tokens.flatMap((token, id) => (token.length === 1 ? [[token, id] as const] : [])));
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

  /** One id on the way to an end: a quote, a bracket, the most of a text that is fixed, any character. */
  pick(mask: Mask): number {
    const ids = idsOf(this.narrow(mask));
    const quote = ids.find((id) => this.#tokens[id]!.startsWith('"'));
    if (quote !== undefined) return quote;
    const plain = idsOf(mask.map((word, index) => word & this.#plain[index]!));
    if (plain.length > MAX_FIXED || /[\]}]/.test(this.#tokens[ids[0]!]!)) return ids[0]!;
    return plain.reduce((best, id) => (this.#tokens[id]!.length > this.#tokens[best]!.length ? id : best), ids[0]!);
  }

  /** Whether a string can be closed, or there is none that is open. */
  closes(mask: Mask): boolean {
    return mask.some((word, index) => (word & this.#quotes[index]!) !== 0);
  }

  /** A text of ASCII as ids of one byte each; undefined where it is none, or an id is missing. */
  spell(text: string): number[] | undefined {
    const ids = Array.from(text, (character) => this.#bytes.get(character === ' ' ? 'Ġ' : character));
    return ids.every((id) => id !== undefined) ? ids : undefined;
  }
}

const idsOf = (mask: Mask): number[] => [...mask].flatMap((word, index) => bitsOf(word).map((bit) => index * 32 + bit));

const bitsOf = (word: number): number[] =>
  word === 0 ? [] : Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => ((word >> bit) & 1) === 1);

/** Of one choice. */
export class Closing {
  readonly #ids: ClosingIds;
  readonly #matcher: GrammarMatcher;
  readonly #waysOut: readonly (readonly number[])[];
  #left: number;
  /** Tokens that are left when the way to the end is looked for again. */
  #nextLook: number;
  /** What is left of the way to the end, once it is taken. */
  #way: number[] | undefined;

  /** @param waysOut texts that may close a string whose pattern keeps it open; @param numTokens that the choice may have, at least 1; Infinity: it is never closed */
  constructor(ids: ClosingIds, matcher: GrammarMatcher, waysOut: readonly string[], numTokens: number) {
    this.#ids = ids;
    this.#waysOut = waysOut.map((text) => ids.spell(text)).filter((way) => way !== undefined);
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
    let mask = first;
    while (!this.#ids.mayEnd(mask) && way.length < MAX_STEPS) {
      const wayOut = this.#ids.closes(mask) ? undefined : this.#waysOut.find((ids) => this.#follow(ids));
      if (wayOut) way.push(...wayOut);
      else {
        const id = this.#ids.pick(mask);
        if (!this.#matcher.acceptToken(id)) break;
        way.push(id);
      }
      mask = maskOf(await this.#matcher.getNextTokenBitmask());
    }
    if (way.length > 0) this.#matcher.rollBack(way.length);
    return this.#ids.mayEnd(mask) ? way : undefined;
  }

  /** Takes all ids, or none. */
  #follow(ids: readonly number[]): boolean {
    const refused = ids.findIndex((id) => !this.#matcher.acceptToken(id));
    if (refused > 0) this.#matcher.rollBack(refused);
    return refused < 0;
  }
}

function onlyNext([id]: readonly number[], numWords: number): Mask | undefined {
  if (id === undefined) return undefined;
  const only = new Uint32Array(numWords);
  only[id >> 5] = 1 << (id & 31);
  return only;
}

export const maskOf = (words: Int32Array): Mask => new Uint32Array(words.buffer as ArrayBuffer);
