/** Finite automata over code points: what a string or a number of a schema may be, and what several demands have in common. */
import { complementRanges, type Ranges, SCALARS, unite } from './code-points.ts';

/** Deterministic; a missing edge ends in failure. Begins in state 0. */
export interface Automaton {
  readonly accepts: readonly boolean[];
  /** Of each state, in order of code points, disjoint. */
  readonly edges: readonly (readonly Edge[])[];
}

export interface Edge {
  readonly first: number;
  readonly last: number;
  readonly target: number;
}

/** Any number of states may be active; made by `regular-expression.ts`. */
export interface Nfa {
  readonly start: number;
  readonly end: number;
  /** Of each state: states that are active with it. */
  readonly empty: readonly (readonly number[])[];
  readonly edges: readonly (readonly Edge[])[];
}

/** More states would make masks slow to prepare: each is tried against the whole vocabulary. */
export const MAX_STATES = 4096;

/** Thrown where an automaton would need more than `MAX_STATES`; whoever knows the keyword says so. */
export class TooManyStates extends Error {}

/**
 * States that are found while they are walked to.
 * @param next edges of a state to states by their keys, disjoint
 */
function explore<State>(
  start: State,
  keyOf: (state: State) => string,
  accepts: (state: State) => boolean,
  next: (state: State) => { readonly first: number; readonly last: number; readonly state: State }[],
): Automaton {
  const ids = new Map([[keyOf(start), 0]]);
  const states = [start];
  const edges: Edge[][] = [];
  for (let id = 0; id < states.length; id++) {
    const found: Edge[] = [];
    for (const { first, last, state } of next(states[id]!)) {
      const key = keyOf(state);
      let target = ids.get(key);
      if (target === undefined) {
        target = states.push(state) - 1;
        if (target >= MAX_STATES) throw new TooManyStates();
        ids.set(key, target);
      }
      found.push({ first, last, target });
    }
    edges.push(joinEdges(found));
  }
  return { accepts: states.map(accepts), edges };
}

/** Neighbouring edges to the same state as one. */
function joinEdges(edges: readonly Edge[]): Edge[] {
  const joined: Edge[] = [];
  for (const edge of [...edges].sort((a, b) => a.first - b.first)) {
    const last = joined.at(-1);
    if (last && last.target === edge.target && last.last + 1 === edge.first) {
      joined[joined.length - 1] = { ...last, last: edge.last };
    } else joined.push(edge);
  }
  return joined;
}

/** @throws TooManyStates */
export function determinize(nfa: Nfa): Automaton {
  const closure = (states: Iterable<number>): number[] => {
    const seen = new Set(states);
    for (const state of seen) for (const other of nfa.empty[state]!) seen.add(other);
    return [...seen].sort((a, b) => a - b);
  };
  const next = (states: readonly number[]) => {
    const all = states.flatMap((state) => nfa.edges[state]!);
    const cuts = [...new Set(all.flatMap(({ first, last }) => [first, last + 1]))].sort((a, b) => a - b);
    return cuts.slice(0, -1).flatMap((first, index) => {
      const targets = all.filter((edge) => edge.first <= first && first <= edge.last).map(({ target }) => target);
      return targets.length > 0 ? [{ first, last: cuts[index + 1]! - 1, state: closure(targets) }] : [];
    });
  };
  return minimize(
    explore(
      closure([nfa.start]),
      (states) => states.join(),
      (states) => states.includes(nfa.end),
      next,
    ),
  );
}

/** What both match. @throws TooManyStates */
export function intersect(a: Automaton, b: Automaton): Automaton {
  return trim(
    explore<readonly [number, number]>(
      [0, 0],
      (pair) => pair.join(),
      ([left, right]) => a.accepts[left]! && b.accepts[right]!,
      ([left, right]) =>
        a.edges[left]!.flatMap((edge) =>
          b.edges[right]!.flatMap((other) => {
            const first = Math.max(edge.first, other.first);
            const last = Math.min(edge.last, other.last);
            return first <= last ? [{ first, last, state: [edge.target, other.target] as const }] : [];
          }),
        ),
    ),
  );
}

/** Every text that it does not match. */
export function complement({ accepts, edges }: Automaton): Automaton {
  const sink = accepts.length;
  const complete = edges.map((own) => {
    const missing = complementRanges(own.map(({ first, last }) => [first, last]));
    return joinEdges([...own, ...missing.map(([first, last]) => ({ first, last, target: sink }))]);
  });
  const anything = SCALARS.map(([first, last]) => ({ first, last, target: sink }));
  return trim({ accepts: [...accepts.map((accepted) => !accepted), true], edges: [...complete, anything] });
}

/** Exactly these texts. @throws TooManyStates */
export function oneOfTexts(texts: readonly string[]): Automaton {
  const suffixes = new Set(texts);
  return explore(
    [...suffixes],
    (rest) => JSON.stringify([...rest].sort()),
    (rest) => rest.includes(''),
    (rest) => {
      const firsts = new Set(rest.filter((text) => text !== '').map((text) => text.codePointAt(0)!));
      return [...firsts].map((code) => {
        const character = String.fromCodePoint(code);
        const state = rest.filter((text) => text.startsWith(character)).map((text) => text.slice(character.length));
        return { first: code, last: code, state };
      });
    },
  );
}

/** Texts of `min` to `max` code points. @param max Infinity for no bound @throws TooManyStates */
export function textsOfLength(min: number, max: number): Automaton {
  const most = max === Infinity ? min : max;
  const following = (length: number) => (length < most ? [length + 1] : max === Infinity ? [length] : []);
  return explore<number>(
    0,
    String,
    (length) => length >= min,
    (length) => following(length).flatMap((state) => SCALARS.map(([first, last]) => ({ first, last, state }))),
  );
}

/** Decimal digits whose number is a multiple of `divisor`. @throws TooManyStates */
export function multiplesOf(divisor: number): Automaton {
  const [zero, digits] = [0x30, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]];
  return minimize(
    explore<number>(
      0,
      String,
      (rest) => rest === 0,
      (rest) =>
        digits.map((digit) => ({ first: zero + digit, last: zero + digit, state: (rest * 10 + digit) % divisor })),
    ),
  );
}

export const isEmpty = ({ accepts }: Automaton): boolean => !accepts.includes(true);

/** Whether there is a text that both match. */
export const meet = (a: Automaton, b: Automaton): boolean => !isEmpty(intersect(a, b));

export function matches({ accepts, edges }: Automaton, text: string): boolean {
  let state = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const edge = edges[state]!.find(({ first, last }) => first <= code && code <= last);
    if (!edge) return false;
    state = edge.target;
  }
  return accepts[state]!;
}

/** Code points that lead from one state to another, by target. */
export function rangesByTarget(edges: readonly Edge[]): Map<number, Ranges> {
  const ranges = new Map<number, [number, number][]>();
  for (const { first, last, target } of edges) ranges.set(target, [...(ranges.get(target) ?? []), [first, last]]);
  return new Map([...ranges].map(([target, own]) => [target, unite(own)]));
}

/** Without states that accept nothing any more. */
export function trim({ accepts, edges }: Automaton): Automaton {
  const sources = accepts.map((): number[] => []);
  for (const [state, own] of edges.entries()) for (const { target } of own) sources[target]!.push(state);
  const alive = new Set(accepts.flatMap((accepted, state) => (accepted ? [state] : [])));
  for (const state of alive) for (const source of sources[state]!) alive.add(source);
  if (!alive.has(0)) return { accepts: [false], edges: [[]] };
  const order = [...alive].sort((a, b) => a - b);
  const ids = new Map(order.map((state, id) => [state, id]));
  return {
    accepts: order.map((state) => accepts[state]!),
    edges: order.map((state) =>
      edges[state]!.filter(({ target }) => ids.has(target)).map((edge) => ({ ...edge, target: ids.get(edge.target)! })),
    ),
  };
}

/** The same with the fewest states, by refining classes of states that no text has told apart yet (Moore). */
export function minimize(automaton: Automaton): Automaton {
  const { accepts, edges } = trim(automaton);
  let classes: number[] = accepts.map(Number);
  for (let count = new Set(classes).size; ; ) {
    const ids = new Map<string, number>();
    const refined = edges.map((own, state) => {
      const there = joinEdges(own.map((edge) => ({ ...edge, target: classes[edge.target]! })));
      const key = `${classes[state]}:${there.map(({ first, last, target }) => `${first}-${last}>${target}`).join()}`;
      if (!ids.has(key)) ids.set(key, ids.size);
      return ids.get(key)!;
    });
    classes = refined;
    if (ids.size === count) break;
    count = ids.size;
  }
  // Classes are numbered in the order of their first states, so state 0 is in class 0.
  const representatives = classes.flatMap((own, state) => (classes.indexOf(own) === state ? [state] : []));
  return {
    accepts: representatives.map((state) => accepts[state]!),
    edges: representatives.map((state) =>
      joinEdges(edges[state]!.map((edge) => ({ ...edge, target: classes[edge.target]! }))),
    ),
  };
}

/**
 * For texts that may go on for ever: from each state a shortest text to an end.
 * @returns distinct texts, shorter ones first; none where no text is endless
 */
export function waysOut({ accepts, edges }: Automaton): string[] {
  if (!hasCycle(edges)) return [];
  const ways = accepts.map((accepted): string | undefined => (accepted ? '' : undefined));
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const [state, own] of edges.entries()) {
      for (const { first, last, target } of own) {
        const rest = ways[target];
        if (rest === undefined || (ways[state] !== undefined && ways[state]!.length <= rest.length + 1)) continue;
        // A letter sooner than a sign that JSON would have to escape.
        ways[state] = String.fromCodePoint(Math.max(first, Math.min(last, 0x7a))) + rest;
        isChanged = true;
      }
    }
  }
  return [...new Set(ways.filter((way) => way !== undefined))].sort((a, b) => a.length - b.length);
}

function hasCycle(edges: Automaton['edges']): boolean {
  const sources = edges.map(() => 0);
  for (const { target } of edges.flat()) sources[target]!++;
  const free = sources.flatMap((count, state) => (count === 0 ? [state] : []));
  for (const state of free) {
    for (const { target } of edges[state]!) {
      sources[target]!--;
      if (sources[target] === 0) free.push(target);
    }
  }
  return free.length < edges.length;
}
