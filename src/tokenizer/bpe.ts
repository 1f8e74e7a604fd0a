/**
 * Byte-pair encoding: of all neighbours that a merge joins, those of the lowest rank become one token, the leftmost first,
 * until no merge joins any.
 */
import { NumberHeap } from './heap.ts';
import type { Tables } from './tables.ts';

/** Pieces are words: few, and mostly seen before. */
const MAX_CACHED_PIECES = 10_000;
const MAX_CACHED_LENGTH = 256;
/** More than a piece has characters. A rank times this, plus a place, is a number that sorts by both. */
const PLACES = 2 ** 31;

export class BytePairEncoder {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #ignoresMerges: boolean;
  /** By both tokens with a blank between, which the byte-level alphabet does not have. */
  readonly #ranks: ReadonlyMap<string, number>;
  readonly #cache = new Map<string, readonly number[]>();

  constructor({ ids, merges, ignoresMerges }: Tables) {
    this.#ids = ids;
    this.#ignoresMerges = ignoresMerges;
    this.#ranks = new Map(merges.map((merge, rank) => [typeof merge === 'string' ? merge : merge.join(' '), rank]));
  }

  /** Ids of a piece in the byte-level alphabet. */
  encode(piece: string): readonly number[] {
    const cached = this.#cache.get(piece);
    if (cached) return cached;
    const isWhole = this.#ignoresMerges && this.#ids.has(piece);
    const tokens = isWhole ? [piece] : this.#merge(Array.from(piece));
    const encoded = tokens.map((token) => this.#ids.get(token)!);
    if (this.#cache.size === MAX_CACHED_PIECES) this.#cache.clear();
    if (piece.length < MAX_CACHED_LENGTH) this.#cache.set(piece, encoded);
    return encoded;
  }

  /** @param tokens one per character; what was joined to the left becomes '' */
  #merge(tokens: string[]): string[] {
    const count = tokens.length;
    const next = tokens.map((_, at) => at + 1);
    const previous = tokens.map((_, at) => at - 1);
    const rankAt = (at: number) =>
      next[at]! < count ? this.#ranks.get(`${tokens[at]} ${tokens[next[at]!]}`) : undefined;
    const queue = new NumberHeap();
    const offer = (at: number) => {
      const rank = rankAt(at);
      if (rank !== undefined) queue.push(rank * PLACES + at);
    };
    for (let at = 0; at < count; at++) offer(at);
    for (let first = queue.pop(); first !== undefined; first = queue.pop()) {
      const at = first % PLACES;
      if (rankAt(at) !== Math.floor(first / PLACES)) continue; // one of the two has become another token since
      const right = next[at]!;
      const after = next[right]!;
      tokens[at] += tokens[right]!;
      tokens[right] = '';
      next[at] = after;
      if (after < count) previous[after] = at;
      offer(at);
      if (at > 0) offer(previous[at]!);
    }
    return tokens.filter((token) => token !== '');
  }
}
