/** Lists of a branch as rules. Where a schema lists its first items and says nothing of others, no others are written. */
import { BLANK, type Item, type Rules, type Sequence } from './rules.ts';
import { type Branch, type Located, type LocatedFields, SchemaDocument } from './schema-document.ts';
import { listed } from './values.ts';

/** What one schema says of items: the first ones by place, then all others. */
interface Items {
  readonly first: readonly Located[];
  /** undefined: anything */
  readonly others: Located | undefined;
}

/** @param value the rule of a value for which all of some schemas hold */
export function arrayOptions(rules: Rules, branch: Branch, value: (schemas: readonly Located[]) => string): Sequence[] {
  const bounds = (keyword: string) =>
    branch.flatMap(({ schema }) => (schema[keyword] === undefined ? [] : [schema[keyword] as number]));
  const sources = branch.map(itemsOf);
  const min = Math.max(0, ...bounds('minItems'));
  const ends = sources.flatMap(({ first, others }) => {
    const isClosed = others ? others.schema === false : first.length > 0 && first.length >= min;
    return isClosed ? [first.length] : [];
  });
  const max = Math.min(Infinity, ...bounds('maxItems'), ...ends);
  if (max < min) return [];

  const numFirst = Math.min(max, Math.max(0, ...sources.map(({ first }) => first.length)));
  const itemAt = (index: number): Item => ({
    rule: value(sources.flatMap(({ first, others }) => first[index] ?? others ?? [])),
  });
  if (numFirst === 0) return listed('[', max > 0 ? [itemAt(0)] : [], ']', min, max);
  const key = rules.fresh([]);
  const from = (index: number): Item => {
    if (index < numFirst) return { rule: rules.rule(`${key} ${index}`, () => optionsFrom(index)) };
    if (max === numFirst) return { text: ']' };
    const more = [{ text: ',' }, BLANK, itemAt(numFirst)];
    const times = { min: Math.max(0, min - numFirst), max: max - numFirst };
    return { rule: rules.rule(`${key} ${index}`, () => [[{ repeat: more, ...times }, { text: ']' }]]) };
  };
  const optionsFrom = (index: number): Sequence[] => [
    ...(index >= min ? [[{ text: ']' }]] : []),
    [...(index > 0 ? [{ text: ',' }, BLANK] : []), itemAt(index), from(index + 1)],
  ];
  return [[{ text: '[' }, from(0)]];
}

function itemsOf(located: LocatedFields): Items {
  const { schema } = located;
  const list = Array.isArray(schema.items) ? 'items' : 'prefixItems';
  const rest = Array.isArray(schema.items) ? 'additionalItems' : 'items';
  return {
    first: ((schema[list] ?? []) as unknown[]).map((_, index) => SchemaDocument.at(located, list, index)),
    others: schema[rest] === undefined ? undefined : SchemaDocument.at(located, rest),
  };
}
