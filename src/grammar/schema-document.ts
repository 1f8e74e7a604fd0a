/** A JSON schema as it was given: places in it, what they refer to, and which keywords are known there. */
import { OutriderError } from '../errors.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** A schema and where it stands, as `#/properties/city`; equal places are equal schemas. */
export interface Located {
  readonly schema: Fields | boolean;
  readonly path: string;
}

/** Of a schema that is an object. */
export interface LocatedFields {
  readonly schema: Fields;
  readonly path: string;
}

/** Plain schemas that hold together; their own `$ref`, `allOf`, `anyOf` and `oneOf` are taken care of. */
export type Branch = readonly LocatedFields[];

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param problem after the keyword's name, a clause; @param advice what to do instead */
export function refuse(path: string, keyword: string, problem: string, advice: string): OutriderError {
  const message = `JSON schema, ${path}: "${keyword}" ${problem}. ${advice}`;
  return new OutriderError('invalid_request', message, { details: { keyword, path } });
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isSchema = (value: unknown) => isFields(value) || typeof value === 'boolean';
const isSchemaMap = (value: unknown) => isFields(value) && Object.values(value).every(isSchema);
const isSchemaList = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isSchema);
const isNames = (value: unknown) => Array.isArray(value) && value.every((name) => typeof name === 'string');
const TYPES = ['null', 'boolean', 'object', 'array', 'string', 'number', 'integer'];
const isType = (value: unknown) => TYPES.includes(value as string);

type Shape = readonly [needed: string, isRight: (value: unknown) => boolean];
const COUNT: Shape = ['an integer >= 0', isCount];
const NUMBER: Shape = ['a number', Number.isFinite];
const TEXT: Shape = ['a string', (value) => typeof value === 'string'];
const SCHEMA: Shape = ['a schema', isSchema];
const SCHEMAS: Shape = ['a list of schemas, at least one', isSchemaList];
const SCHEMA_MAP: Shape = ['an object of schemas', isSchemaMap];

/** Every keyword that is enforced. */
const SHAPES: Readonly<Record<string, Shape>> = {
  type: [
    `${TYPES.join(', ')}, or a list of them`,
    (value) => isType(value) || (Array.isArray(value) && value.every(isType)),
  ],
  enum: ['a list with at least one value', (value) => Array.isArray(value) && value.length > 0],
  const: ['a value', () => true],
  $ref: TEXT,
  $defs: SCHEMA_MAP,
  definitions: SCHEMA_MAP,
  allOf: SCHEMAS,
  anyOf: SCHEMAS,
  oneOf: SCHEMAS,
  properties: SCHEMA_MAP,
  patternProperties: SCHEMA_MAP,
  additionalProperties: SCHEMA,
  propertyNames: SCHEMA,
  required: ['a list of names', isNames],
  minProperties: COUNT,
  maxProperties: COUNT,
  prefixItems: SCHEMAS,
  items: ['a schema, or a list of schemas', (value) => isSchema(value) || isSchemaList(value)],
  additionalItems: SCHEMA,
  minItems: COUNT,
  maxItems: COUNT,
  uniqueItems: ['false: items are not compared', (value) => value === false],
  minLength: COUNT,
  maxLength: COUNT,
  pattern: TEXT,
  format: TEXT,
  minimum: NUMBER,
  maximum: NUMBER,
  exclusiveMinimum: NUMBER,
  exclusiveMaximum: NUMBER,
  multipleOf: [
    'a positive integer: of other numbers, float64 arithmetic does not find the multiples',
    (value) => isCount(value) && value !== 0,
  ],
};

/** Keywords that say nothing about which values are valid. */
const ANNOTATIONS = new Set(
  '$schema $comment $anchor $vocabulary title description default examples deprecated readOnly writeOnly contentMediaType contentEncoding contentSchema'.split(
    ' ',
  ),
);

export class SchemaDocument {
  readonly root: Located;
  readonly #name: string;
  readonly #checked = new Set<string>();

  /** @param name stands before paths: '' where there is but one schema. @throws OutriderError `invalid_request` */
  constructor(schema: unknown, name = '') {
    this.#name = name;
    const path = `${name}#`;
    if (!isFields(schema) && typeof schema !== 'boolean') {
      throw refuse(path, 'schema', 'is neither an object nor a boolean', 'Give a JSON schema.');
    }
    this.root = { schema, path };
  }

  /** @throws OutriderError `invalid_request` naming a keyword that is not known, or whose value has a wrong shape */
  check({ schema, path }: LocatedFields): void {
    if (this.#checked.has(path)) return;
    this.#checked.add(path);
    for (const [keyword, value] of Object.entries(schema)) {
      if (ANNOTATIONS.has(keyword) || keyword.startsWith('x-') || value === undefined) continue;
      if (keyword === '$id') {
        if (path === this.root.path) continue;
        throw refuse(path, keyword, 'is supported at the root only', 'Refer to parts of the schema by "#/$defs/…".');
      }
      if (!Object.hasOwn(SHAPES, keyword)) {
        throw refuse(
          path,
          keyword,
          'is not supported',
          'Leave it out and check the answer yourself, or say it otherwise.',
        );
      }
      const [needed, isRight] = SHAPES[keyword]!;
      if (isRight(value)) continue;
      throw refuse(
        path,
        keyword,
        `is ${JSON.stringify(value)?.slice(0, 80)}; it must be ${needed}`,
        'Change the schema.',
      );
    }
  }

  /** A schema inside another. @param steps keys from there on */
  static at({ schema, path }: LocatedFields, ...steps: (string | number)[]): Located {
    let inner: unknown = schema;
    for (const step of steps) inner = (inner as Record<string | number, unknown>)[step];
    return { schema: inner as Located['schema'], path: [path, ...steps.map(escapeStep)].join('/') };
  }

  /** What `$ref` refers to. @throws OutriderError `invalid_request` for what is not in this document */
  follow({ schema, path }: LocatedFields): Located {
    const reference = schema.$ref as string;
    const fail = (problem: string) =>
      refuse(path, '$ref', `"${reference}" ${problem}`, 'Refer to a schema of this document, as "#/$defs/name".');
    const id = isFields(this.root.schema) ? this.root.schema.$id : undefined;
    const local = typeof id === 'string' && reference.startsWith(`${id}#`) ? reference.slice(id.length) : reference;
    if (local !== '#' && !local.startsWith('#/')) throw fail('is no JSON pointer into the schema');
    const steps = local.split('/').slice(1).map(unescapeStep);
    let target: unknown = this.root.schema;
    for (const step of steps) {
      const isThere = typeof target === 'object' && target !== null && Object.hasOwn(target, step);
      if (!isThere) throw fail('leads nowhere');
      target = (target as Record<string, unknown>)[step];
    }
    if (!isFields(target) && typeof target !== 'boolean') throw fail('leads to something that is no schema');
    return { schema: target, path: [`${this.#name}#`, ...steps.map(escapeStep)].join('/') };
  }
}

const escapeStep = (step: string | number) => String(step).replaceAll('~', '~0').replaceAll('/', '~1');
const unescapeStep = (step: string) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
