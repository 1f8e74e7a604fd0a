/** What the plain schemas of a branch say together about values without parts: types, listed values, numbers, strings. */
import { type Automaton, intersect, matches, oneOfTexts, TooManyStates, textsOfLength } from './automaton.ts';
import type { Bound, NumberRange } from './decimals.ts';
import { FORMATS, formatWithin } from './formats.ts';
import { textsLike, textsWith, UnsupportedPattern } from './regular-expression.ts';
import { type Branch, type LocatedFields, refuse } from './schema-document.ts';

export type Type = 'null' | 'boolean' | 'object' | 'array' | 'string' | 'number';
const ALL_TYPES: readonly Type[] = ['object', 'array', 'string', 'number', 'boolean', 'null'];

/** Numbers that are written have at most 15 digits before the point. */
const TOO_LARGE = 1e15;
/** Beside listed values that have parts these would have to be compared with them. */
const OF_PARTS =
  'properties patternProperties additionalProperties propertyNames required minProperties maxProperties prefixItems items additionalItems minItems maxItems'.split(
    ' ',
  );

/** The types that all of them allow; `integer` counts as `number`. */
export function typesOf(branch: Branch): Type[] {
  return ALL_TYPES.filter((type) =>
    branch.every(({ schema }) => {
      if (schema.type === undefined) return true;
      const allowed = [schema.type].flat();
      return allowed.includes(type) || (type === 'number' && allowed.includes('integer'));
    }),
  );
}

const typeOf = (value: unknown): Type => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as Type;
};

/** The valid values where `enum` or `const` list them; undefined where they do not. */
export function listedValues(branch: Branch): unknown[] | undefined {
  const lists = branch.flatMap(({ schema }) => [
    ...(schema.enum ? [schema.enum as unknown[]] : []),
    ...(schema.const !== undefined ? [[schema.const]] : []),
  ]);
  const [first, ...others] = lists;
  if (!first) return undefined;
  const keys = others.map((list) => new Set(list.map(canonical)));
  const common = new Map(first.map((value) => [canonical(value), value]));
  const types = typesOf(branch);
  const listed = [...common].filter(([key]) => keys.every((set) => set.has(key))).map(([, value]) => value);
  return listed.filter((value) => types.includes(typeOf(value)) && isValid(value, branch));
}

function isValid(value: unknown, branch: Branch): boolean {
  if (typeof value === 'number') return isInRange(value, numberRange(branch));
  if (typeof value === 'string') return matches(stringTexts(branch) ?? textsOfLength(...lengths(branch)), value);
  if (typeof value !== 'object' || value === null) return true;
  for (const { schema, path } of branch) {
    const keyword = OF_PARTS.find((name) => schema[name] !== undefined);
    if (!keyword) continue;
    throw refuse(path, keyword, 'stands beside an "enum" or "const" with objects or lists', 'Leave it out there.');
  }
  return true;
}

function isInRange(value: number, { isInteger, lower, upper, divisors }: NumberRange): boolean {
  const isAbove = !lower || (lower.isExclusive ? value > lower.value : value >= lower.value);
  const isBelow = !upper || (upper.isExclusive ? value < upper.value : value <= upper.value);
  const isWhole = !isInteger || Number.isInteger(value);
  return isAbove && isBelow && isWhole && divisors.every((divisor) => value % divisor === 0);
}

/** Text that is equal for equal values, whatever the order of their properties. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value === 0 ? 0 : value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join()}}`;
}

/** @throws OutriderError `invalid_request` where every number that is allowed has too many digits */
export function numberRange(branch: Branch): NumberRange {
  const bounds = (inclusive: string, exclusive: string, sign: 1 | -1) => {
    const all = branch.flatMap(({ schema, path }): Bound[] =>
      [inclusive, exclusive].flatMap((keyword) => {
        const value = schema[keyword] as number | undefined;
        if (value === undefined) return [];
        if (value * sign >= TOO_LARGE) {
          throw refuse(path, keyword, `is ${value}; numbers are written with at most 15 digits`, 'Use another bound.');
        }
        return [{ value, isExclusive: keyword === exclusive }];
      }),
    );
    return all.sort((a, b) => sign * (b.value - a.value) || Number(b.isExclusive) - Number(a.isExclusive))[0];
  };
  return {
    isInteger: branch.some(({ schema }) => schema.type !== undefined && ![schema.type].flat().includes('number')),
    lower: bounds('minimum', 'exclusiveMinimum', 1),
    upper: bounds('maximum', 'exclusiveMaximum', -1),
    divisors: branch.flatMap(({ schema }) => (schema.multipleOf === undefined ? [] : [schema.multipleOf as number])),
  };
}

/** @returns code points of a string; `max` is Infinity where there is no bound */
export function lengths(branch: Branch): [min: number, max: number] {
  const values = (keyword: string) =>
    branch.flatMap(({ schema }) => (schema[keyword] === undefined ? [] : [schema[keyword] as number]));
  return [Math.max(0, ...values('minLength')), Math.min(Infinity, ...values('maxLength'))];
}

/** The strings that are allowed; undefined where only `lengths` count. */
export function stringTexts(branch: Branch): Automaton | undefined {
  const found = branch.find(({ schema }) => (schema.pattern ?? schema.format) !== undefined);
  if (!found) return undefined;
  const [min, max] = lengths(branch);
  const demands = (longest: number) => branch.flatMap((located) => demandsOn(located, longest)).reduce(intersect);
  const isCounted = min > 0 || max < Infinity;
  return limited(found.path, isCounted ? 'pattern, minLength, maxLength' : 'pattern', () => {
    if (!isCounted) return demands(Infinity);
    try {
      return intersect(demands(Infinity), textsOfLength(min, max));
    } catch (error) {
      const fits = branch.some(({ schema: { format } }) => format && formatWithin(format as string, max));
      if (!(error instanceof TooManyStates && fits)) throw error;
      return intersect(demands(max), textsOfLength(min, Infinity));
    }
  });
}

/** @param longest code points that formats may have at most, where they can be held to it */
function demandsOn(located: LocatedFields, longest: number): Automaton[] {
  const { pattern, format } = located.schema;
  return [
    ...(pattern === undefined ? [] : [automatonOf(located, 'pattern', pattern as string)]),
    ...(format === undefined ? [] : [formatTexts(located, longest)]),
  ];
}

function formatTexts({ schema, path }: LocatedFields, longest: number): Automaton {
  const format = schema.format as string;
  if (Object.hasOwn(FORMATS, format)) return textsLike(formatWithin(format, longest) ?? FORMATS[format]!);
  const known = Object.keys(FORMATS).join(', ');
  throw refuse(path, 'format', `"${format}" is not supported`, `Use a pattern, or one of ${known}.`);
}

/** @throws OutriderError `invalid_request` for a pattern that no automaton does */
export function automatonOf({ path }: LocatedFields, keyword: string, pattern: string): Automaton {
  try {
    return limited(path, keyword, () => textsWith(pattern));
  } catch (error) {
    if (!(error instanceof UnsupportedPattern)) throw error;
    const problem = `is ${JSON.stringify(pattern)}; it uses ${error.message}, which is not supported`;
    throw refuse(path, keyword, problem, 'Write it without.');
  }
}

/** Names what needs too many states. */
export function limited<Result>(path: string, keyword: string, build: () => Result): Result {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof TooManyStates)) throw error;
    throw refuse(path, keyword, 'needs too large an automaton', 'Use a simpler pattern or smaller bounds.');
  }
}

/** The strings of a branch, for names of properties; undefined where every string is allowed. */
export function nameTexts(branch: Branch): Automaton | undefined {
  const values = listedValues(branch);
  if (values) return oneOfTexts(values.filter((value) => typeof value === 'string'));
  const [min, max] = lengths(branch);
  return stringTexts(branch) ?? (min > 0 || max < Infinity ? textsOfLength(min, max) : undefined);
}
