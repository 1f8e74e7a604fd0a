/**
 * Objects of a branch as rules. Properties come in the order in which the schema names them.
 *
 * Where a schema names properties and says nothing of others, no others are written; where it names none, any are.
 */
import { type Automaton, complement, intersect, isEmpty, oneOfTexts } from './automaton.ts';
import { automatonOf, limited } from './facts.ts';
import { BLANK, type Item, type Rules, type Sequence } from './rules.ts';
import { type Branch, isFields, type Located, type LocatedFields, refuse, SchemaDocument } from './schema-document.ts';
import { anyString, stringLike } from './values.ts';

/** What objects ask of whoever compiles the schema. */
export interface ObjectContext {
  readonly rules: Rules;
  /** The rule of a value for which all of them hold. */
  value(schemas: readonly Located[]): string;
  /** The strings for which all of them hold; undefined: all strings. */
  names(schemas: readonly Located[]): Automaton | undefined;
}

/** A property that the schema names. */
interface Property {
  readonly name: string;
  readonly isRequired: boolean;
  readonly schemas: readonly Located[];
}

/** Other properties: a rule of their names, and what holds for their values. */
interface OtherProperties {
  readonly name: string;
  readonly schemas: readonly Located[];
}

interface Pattern {
  readonly texts: Automaton;
  readonly source: LocatedFields;
  readonly schema: Located;
}

export function objectOptions(context: ObjectContext, branch: Branch): Sequence[] {
  const [min, max] = [
    Math.max(0, ...numbersOf(branch, 'minProperties')),
    Math.min(Infinity, ...numbersOf(branch, 'maxProperties')),
  ];
  const required = new Set(branch.flatMap(({ schema }) => (schema.required ?? []) as string[]));
  const named = new Set([...branch.flatMap(({ schema }) => Object.keys(schema.properties ?? {})), ...required]);
  const patterns = branch.flatMap(patternsOf);
  const namedByAll = context.names(branch.flatMap((located) => inner(located, 'propertyNames')));
  const allowed = [...named].filter((name) => !namedByAll || isIn(namedByAll, name));
  if ([...required].some((name) => !allowed.includes(name))) return [];
  const properties = allowed.map((name): Property => {
    const schemas = branch.flatMap((located) => schemasFor(located, name, patterns));
    return { name, isRequired: required.has(name), schemas };
  });

  const isOpen =
    (named.size === 0 && patterns.length === 0) ||
    min > properties.length ||
    branch.some(({ schema }) => isFields(schema.additionalProperties) || schema.additionalProperties === true);
  const others = () => otherProperties(context.rules, branch, [...named], patterns, namedByAll, isOpen);
  const path = branch.find(({ schema }) => schema.patternProperties ?? schema.propertyNames)?.path ?? branch[0]?.path;
  const rest = limited(path ?? '#', 'patternProperties', others);
  // Names that are not known beforehand may be written twice, and then count once.
  if (min > properties.length + Math.min(rest.length, 1)) {
    const source = branch.find(({ schema }) => schema.minProperties === min)!;
    const problem = `is ${min}, but the schema names ${properties.length} properties`;
    throw refuse(source.path, 'minProperties', problem, 'Name the properties in "properties".');
  }
  return new ObjectWriter(context, properties, rest, min, max).options();
}

const numbersOf = (branch: Branch, keyword: string) =>
  branch.flatMap(({ schema }) => (schema[keyword] === undefined ? [] : [schema[keyword] as number]));

const inner = (located: LocatedFields, keyword: string): Located[] =>
  located.schema[keyword] === undefined ? [] : [SchemaDocument.at(located, keyword)];

const isIn = (texts: Automaton, name: string) => !isEmpty(intersect(texts, oneOfTexts([name])));

function patternsOf(source: LocatedFields): Pattern[] {
  return Object.keys(source.schema.patternProperties ?? {}).map((pattern) => ({
    texts: automatonOf(source, 'patternProperties', pattern),
    source,
    schema: SchemaDocument.at(source, 'patternProperties', pattern),
  }));
}

/** What one schema says about the value of a property. */
function schemasFor(located: LocatedFields, name: string, patterns: readonly Pattern[]): Located[] {
  const { properties } = located.schema;
  const own = isFields(properties) && Object.hasOwn(properties, name);
  const matched = patterns.filter(({ source, texts }) => source === located && isIn(texts, name));
  const schemas = [
    ...(own ? [SchemaDocument.at(located, 'properties', name)] : []),
    ...matched.map(({ schema }) => schema),
  ];
  return schemas.length > 0 ? schemas : inner(located, 'additionalProperties');
}

/** Names that the schema does not list, by the patterns that they match: each kind has a schema of its own. */
function otherProperties(
  rules: Rules,
  branch: Branch,
  named: readonly string[],
  patterns: readonly Pattern[],
  namedByAll: Automaton | undefined,
  isOpen: boolean,
): OtherProperties[] {
  if (!isOpen && patterns.length === 0) return [];
  if (named.length === 0 && patterns.length === 0 && !namedByAll) {
    const schemas = branch.flatMap((located) => inner(located, 'additionalProperties'));
    return [{ name: anyString(rules), schemas }];
  }
  const unlisted = complement(oneOfTexts(named));
  let kinds = [{ texts: namedByAll ? intersect(unlisted, namedByAll) : unlisted, matched: [] as Pattern[] }];
  for (const pattern of patterns) {
    const others = complement(pattern.texts);
    kinds = kinds
      .flatMap(({ texts, matched }) => [
        { texts: intersect(texts, pattern.texts), matched: [...matched, pattern] },
        { texts: intersect(texts, others), matched },
      ])
      .filter(({ texts }) => !isEmpty(texts));
  }
  return kinds.flatMap(({ texts, matched }) => {
    if (matched.length === 0 && !isOpen) return [];
    const schemas = branch.flatMap((located) => {
      const own = matched.filter(({ source }) => source === located).map(({ schema }) => schema);
      return own.length > 0 ? own : inner(located, 'additionalProperties');
    });
    return schemas.some(({ schema }) => schema === false) ? [] : [{ name: stringLike(rules, texts), schemas }];
  });
}

/** One rule for each place in the order of properties and number of those that are written already. */
class ObjectWriter {
  readonly #context: ObjectContext;
  readonly #properties: readonly Property[];
  readonly #others: readonly OtherProperties[];
  readonly #min: number;
  readonly #max: number;
  readonly #key: string;

  constructor(
    context: ObjectContext,
    properties: readonly Property[],
    others: readonly OtherProperties[],
    min: number,
    max: number,
  ) {
    this.#context = context;
    this.#properties = properties;
    this.#others = others;
    this.#min = min;
    this.#max = max;
    this.#key = context.rules.fresh([]);
  }

  options(): Sequence[] {
    return [[{ text: '{' }, this.#from(0, 0, 0)]];
  }

  /** @param written properties that the schema names; @param more others */
  #from(index: number, written: number, more: number): Item {
    // Counts matter as far as bounds do, and to know whether a comma is needed.
    const most = this.#max < Infinity ? this.#max : Math.max(1, this.#min);
    const [named, unnamed] = [Math.min(written, most), Math.min(more, this.#max < Infinity ? most : 1)];
    const options = () => this.#optionsFrom(index, named, unnamed);
    return { rule: this.#context.rules.rule(`${this.#key} ${index} ${named} ${unnamed}`, options) };
  }

  #optionsFrom(index: number, written: number, more: number): Sequence[] {
    const comma = written + more > 0 ? [{ text: ',' }, BLANK] : [];
    const hasRoom = written + more < this.#max;
    const property = this.#properties[index];
    if (property) {
      const { name, isRequired, schemas } = property;
      const pair = [...comma, { text: `${JSON.stringify(name)}:` }, BLANK, { rule: this.#context.value(schemas) }];
      return [
        ...(hasRoom ? [[...pair, this.#from(index + 1, written + 1, more)]] : []),
        ...(isRequired ? [] : [[this.#from(index + 1, written, more)]]),
      ];
    }
    const pairs = this.#others.map(({ name, schemas }) => [
      ...comma,
      { rule: name },
      { text: ':' },
      BLANK,
      { rule: this.#context.value(schemas) },
      this.#from(index, written, more + 1),
    ]);
    return [...(hasRoom ? pairs : []), ...(written + Math.min(more, 1) >= this.#min ? [[{ text: '}' }]] : [])];
  }
}
