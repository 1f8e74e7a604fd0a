/**
 * Short names for what only WGSL names. What TypeScript names stays: bindings, overrides, fields of structs, `Params`,
 * `State`, `Extras`, `Elem` and `main`. Names of a module's scope become the same in every file, since files are joined at run
 * time, and begin with a capital; those of a function begin anew in each, in lower case, so that none hides another.
 */

/** Names that stay though they are declared in WGSL: TypeScript looks for them. */
const KNOWN_OUTSIDE = ['Params', 'State', 'Extras', 'Elem', 'main'];
/** Words of WGSL that have the shape of a short name. */
const RESERVED = ['as', 'do', 'fn', 'if', 'of'];
const LOWER = [...'abcdefghijklmnopqrstuvwxyz'];
const UPPER = LOWER.map((letter) => letter.toUpperCase());

/** A name, and whether it is a field's or a parameter's; or what looks like one: attributes, address spaces, members. */
const WORD = /@builtin\(\w+\)|@\w+|<(?:workgroup|private|uniform|storage)\b|\.[A-Za-z_]\w*|\b([A-Za-z_]\w*)(:?)/g;
const STRUCT = /\bstruct (\w+)\{[^}]*\}/g;
const FUNCTION = /\bfn (\w+)\(/g;

interface Part {
  readonly kind: 'function' | 'struct' | 'other';
  readonly code: string;
}

/** What stays, and what the others become. */
export interface ShaderNames {
  readonly stay: ReadonlySet<string>;
  /** Of the modules' scope, by name. */
  readonly short: ReadonlyMap<string, string>;
}

/** @param sources compacted WGSL: every file that may be joined with another */
export function nameShaders(sources: readonly string[]): ShaderNames {
  const parts = sources.flatMap(partsOf);
  const code = sources.join('\n');
  const outside = all(code, /@binding\(\d+\)\s*var<[^>]*>\s*(\w+)|\boverride (\w+)/g);
  const stay = new Set([...KNOWN_OUTSIDE, ...RESERVED, ...outside]);
  const declared = parts.flatMap((part) => all(part.code, declarations[part.kind]));
  const named = new Set(declared.filter((name) => !stay.has(name)));
  const uses = new Map<string, number>();
  for (const word of all(code, WORD)) uses.set(word, (uses.get(word) ?? 0) + 1);
  const byUse = [...named].sort((a, b) => uses.get(b)! - uses.get(a)! || (a < b ? -1 : 1));
  const words = shortWords(UPPER, new Set([...uses.keys()].filter((word) => !named.has(word))));
  return { stay, short: new Map(byUse.map((name) => [name, words.next().value])) };
}

/** What a part adds to its module's scope. */
const declarations: Record<Part['kind'], RegExp> = {
  function: FUNCTION,
  struct: STRUCT,
  other: /\b(?:const|alias) (\w+)|\bvar<[^>]*>(\w+)/g,
};

/** The same program with short names. @param source one of the files that `names` were made of */
export function shortenNames(source: string, { stay, short }: ShaderNames): string {
  return partsOf(source)
    .map(({ kind, code }) => {
      const own = kind === 'function' ? nameLocals(code, stay) : new Map<string, string>();
      return code.replace(WORD, (word: string, name: string | undefined, colon: string) => {
        if (name === undefined || (kind === 'struct' && colon)) return word;
        return (own.get(name) ?? short.get(name) ?? name) + colon;
      });
    })
    .join('');
}

/** Parameters and variables in the order of their declaration, which makes functions alike and compresses best. */
function nameLocals(code: string, stay: ReadonlySet<string>): Map<string, string> {
  const words = shortWords(LOWER, stay);
  const names = new Set(all(code, /\b(?:let|var|const) (\w+)|[(,)](\w+):/g));
  return new Map([...names].map((name) => [name, words.next().value]));
}

/** In order; joined again they are the source. */
function partsOf(source: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  const add = (kind: Part['kind'], end: number) => {
    if (end > at) parts.push({ kind, code: source.slice(at, end) });
    at = end;
  };
  const blocks = [
    ...[...source.matchAll(STRUCT)].map((match) => ({ kind: 'struct' as const, start: match.index })),
    ...[...source.matchAll(FUNCTION)].map((match) => ({ kind: 'function' as const, start: match.index })),
  ];
  for (const { kind, start } of blocks.sort((a, b) => a.start - b.start)) {
    add('other', start);
    add(kind, endOfBlock(source, start));
  }
  add('other', source.length);
  return parts;
}

/** Behind the brace that closes the first one after `start`. */
function endOfBlock(source: string, start: number): number {
  let depth = 0;
  for (let at = source.indexOf('{', start); ; at++) {
    if (source[at] === '{') depth++;
    else if (source[at] === '}' && --depth === 0) return at + 1;
    else if (at >= source.length)
      throw new Error(`a block of a shader does not end: ${source.slice(start, start + 40)}`);
  }
}

/** The first group that matched, of every match; matches without one are left out. */
function all(code: string, pattern: RegExp): string[] {
  return [...code.matchAll(pattern)].flatMap(([, ...groups]) => groups.find((group) => group) ?? []);
}

function* shortWords(first: readonly string[], taken: ReadonlySet<string>): Generator<string, never> {
  for (const second of ['', ...LOWER, ...UPPER]) {
    for (const letter of first) if (!taken.has(letter + second)) yield letter + second;
  }
  throw new Error('the shaders have more names than there are short ones');
}
