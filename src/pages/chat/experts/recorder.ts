/** The routes of one answer while it is written, and what is kept of them. Pure. */
import { mostExperts, type RoutedLayer, type Routes } from '../conversations/answer.ts';
import { RoutingTable, type TokenRoute } from './table.ts';

export class RouteRecorder {
  readonly #layers: readonly RoutedLayer[];
  readonly #numExperts: number;
  #tokens: TokenRoute[] = [];

  constructor(layers: readonly RoutedLayer[], numExperts: number) {
    this.#layers = layers;
    this.#numExperts = numExperts;
  }

  /** The next token; one at an earlier place takes the place of what stood there and behind. */
  add(route: TokenRoute): void {
    const start = this.#tokens[0]?.position ?? route.position;
    const at = route.position - start;
    if (at < 0 || at > this.#tokens.length) this.#tokens = [];
    else this.#tokens.length = at;
    this.#tokens.push(route);
  }

  /** @returns undefined where there is nothing to keep: no tokens, no experts, or too many of them for a byte */
  finish(): Routes | undefined {
    const [first] = this.#tokens;
    if (!first || this.#layers.length === 0 || this.#numExperts > mostExperts) return undefined;
    const experts = new Uint8Array(this.#tokens.length * this.#layers.length);
    for (const [at, token] of this.#tokens.entries()) experts.set(Array.from(token.experts), at * this.#layers.length);
    return {
      layers: this.#layers,
      numExperts: this.#numExperts,
      start: first.position,
      texts: this.#tokens.map(({ text }) => text),
      experts,
    };
  }
}

/** The table that the panel shows of kept routes. */
export function tableOf({ layers, numExperts, start, texts, experts }: Routes): RoutingTable {
  const table = new RoutingTable(layers.length, numExperts);
  for (const [at, text] of texts.entries()) {
    const taken = experts.subarray(at * layers.length, (at + 1) * layers.length);
    table.add({ position: start + at, text, experts: taken });
  }
  return table;
}
