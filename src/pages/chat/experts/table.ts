/** Which expert each token took in each layer, as plain data in the order of the text. Pure. */

/** One token's way through the model. */
export interface TokenRoute {
  /** Place in the context, from 0. */
  readonly position: number;
  readonly text: string;
  /** Expert per MoE layer. */
  readonly experts: ArrayLike<number>;
}

/** A line of the grid: a token, or the number of tokens before it whose routes nobody reported (the prompt's). */
export type Line = TokenRoute | { readonly skipped: number };

export class RoutingTable {
  /** Top to bottom. */
  readonly lines: Line[] = [];
  /** How often each expert was taken: [moeLayers][numLocalExperts]. */
  readonly counts: readonly Uint32Array[];
  #numTokens = 0;

  constructor(numMoeLayers: number, numLocalExperts: number) {
    this.counts = Array.from({ length: numMoeLayers }, () => new Uint32Array(numLocalExperts));
  }

  /** Tokens whose routes are known. */
  get numTokens(): number {
    return this.#numTokens;
  }

  /** Adds the next token. One at an earlier position starts the text anew from there: what stood behind it is gone. */
  add(route: TokenRoute): void {
    this.#dropFrom(route.position);
    const last = this.lines.at(-1) as TokenRoute | undefined;
    const skipped = route.position - (last ? last.position + 1 : 0);
    if (skipped > 0) this.lines.push({ skipped });
    this.lines.push(route);
    this.#count(route, 1);
  }

  clear(): void {
    this.#dropFrom(0);
  }

  /** Removes every token at `position` or behind, and the gaps before them: the last line left is a token. */
  #dropFrom(position: number): void {
    for (let line = this.lines.at(-1); line; line = this.lines.at(-1)) {
      if (!('skipped' in line)) {
        if (line.position < position) return;
        this.#count(line, -1);
      }
      this.lines.pop();
    }
  }

  #count({ experts }: TokenRoute, by: 1 | -1): void {
    this.#numTokens += by;
    for (const [layer, counts] of this.counts.entries()) counts[experts[layer]!]! += by;
  }
}
