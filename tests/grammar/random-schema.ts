/** Schemas as people write them: nested, with references, listed values, bounds and patterns. */
import fc from 'fast-check';

export type Schema = Record<string, unknown>;

const names = ['name', 'age', 'city', 'tags', 'a', 'b', 'x y', 'é', 'kind', 'next', 'count', '"q"'];
const patterns = [
  '^[a-z]+$',
  '^[A-Z][a-z]{2,8}$',
  '^\\d{3}-\\d{4}$',
  'ing$',
  '^(red|green|blue)$',
  '^[^@\\s]+@[a-z]+\\.com$',
];
const formats = ['date', 'time', 'date-time', 'uuid', 'ipv4', 'email', 'hostname', 'duration', 'ipv6'];

const count = (max: number) => fc.integer({ min: 0, max });
const bounds = (least: string, most: string, max: number) =>
  fc.tuple(fc.option(count(max)), fc.option(count(max))).map(([a, b]) => ({
    ...(a !== null && { [least]: Math.min(a, b ?? a) }),
    ...(b !== null && { [most]: Math.max(a ?? b, b) }),
  }));

const string: fc.Arbitrary<Schema> = fc.oneof(
  bounds('minLength', 'maxLength', 60).map((lengths) => ({ type: 'string', ...lengths })),
  fc.constantFrom(...patterns).map((pattern) => ({ type: 'string', pattern })),
  fc.record({
    type: fc.constant('string'),
    pattern: fc.constantFrom('^[a-z ]*$', 'a'),
    maxLength: fc.integer({ min: 3, max: 20 }),
  }),
  fc.constantFrom(...formats).map((format) => ({ type: 'string', format })),
);

const number: fc.Arbitrary<Schema> = fc
  .record({
    type: fc.constantFrom('integer', 'number'),
    low: fc.option(fc.oneof(fc.integer({ min: -200, max: 100 }), fc.constantFrom(-0.5, 0.125, 3.75, 1e-3))),
    size: fc.option(fc.oneof(fc.integer({ min: 20, max: 1000 }), fc.constantFrom(19.5, 1e6))),
    exclusive: fc.boolean(),
    multipleOf: fc.option(fc.integer({ min: 1, max: 9 }), { freq: 4 }),
  })
  .map(({ type, low, size, exclusive, multipleOf }) => ({
    type,
    ...(low !== null && { [exclusive ? 'exclusiveMinimum' : 'minimum']: low }),
    ...(size !== null && { [exclusive ? 'exclusiveMaximum' : 'maximum']: (low ?? 0) + size }),
    ...(multipleOf !== null && { multipleOf }),
  }));

const listed: fc.Arbitrary<Schema> = fc.oneof(
  fc
    .uniqueArray(fc.oneof(fc.constantFrom('red', 'green', 'naïve "x"', null, true, 1.5, -3), fc.integer()), {
      minLength: 1,
      maxLength: 5,
    })
    .map((values) => ({ enum: values })),
  fc.constantFrom('on', 0, null, { a: [1] }).map((value) => ({ const: value })),
);

const leaf: fc.Arbitrary<Schema> = fc.oneof(
  { weight: 3, arbitrary: string },
  { weight: 3, arbitrary: number },
  { weight: 2, arbitrary: listed },
  fc.constantFrom<Schema>(
    { type: 'boolean' },
    { type: 'null' },
    { type: ['integer', 'null'] },
    { $ref: '#/$defs/leaf' },
    { $ref: '#/$defs/node' },
  ),
);

const objectOf = (inner: fc.Arbitrary<Schema>): fc.Arbitrary<Schema> =>
  fc
    .record({
      properties: fc.dictionary(fc.constantFrom(...names), inner, { minKeys: 1, maxKeys: 4 }),
      required: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      rest: fc.constantFrom<Schema>(
        {},
        {},
        { additionalProperties: false },
        { additionalProperties: { type: 'integer' } },
        { patternProperties: { '^n': { maxLength: 99 } } },
      ),
      min: fc.option(fc.integer({ min: 0, max: 1 })),
    })
    .map(({ properties, required, rest, min }) => ({
      type: 'object',
      properties,
      required: Object.keys(properties).filter((_, index) => required[index]),
      ...rest,
      ...(min !== null && { minProperties: min }),
    }));

const arrayOf = (inner: fc.Arbitrary<Schema>): fc.Arbitrary<Schema> =>
  fc.oneof(
    fc.tuple(inner, bounds('minItems', 'maxItems', 4)).map(([items, counts]) => ({ type: 'array', items, ...counts })),
    fc.tuple(fc.array(inner, { minLength: 1, maxLength: 3 }), fc.boolean()).map(([prefixItems, isOpen]) => ({
      type: 'array',
      prefixItems,
      ...(isOpen ? { items: { type: 'boolean' }, maxItems: 5 } : { items: false }),
    })),
  );

const choiceOf = (inner: fc.Arbitrary<Schema>): fc.Arbitrary<Schema> =>
  fc.oneof(
    fc.array(inner, { minLength: 1, maxLength: 3 }).map((options) => ({ anyOf: options })),
    inner.map((own) => ({ oneOf: [{ type: 'null' }, { ...objectShell, properties: { v: own }, required: ['v'] }] })),
    inner.map((own) => ({ allOf: [own, { title: 'both' }] })),
  );
const objectShell = { type: 'object' };

const nested = (depth: number): fc.Arbitrary<Schema> =>
  depth === 0
    ? leaf
    : fc.oneof(
        { weight: 4, arbitrary: objectOf(nested(depth - 1)) },
        { weight: 2, arbitrary: arrayOf(nested(depth - 1)) },
        { weight: 1, arbitrary: choiceOf(nested(depth - 1)) },
        { weight: 1, arbitrary: leaf },
      );

const node = {
  type: 'object',
  properties: { label: { enum: ['l', 'm'] }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
  required: ['label', 'next'],
};

/** Objects, three levels deep, with definitions that refer to themselves. */
export const schemas: fc.Arbitrary<Schema> = fc
  .tuple(
    objectOf(nested(2)),
    leaf.filter((own) => !('$ref' in own)),
  )
  .map(([root, definition]) => ({ ...root, $defs: { leaf: definition, node } }));
