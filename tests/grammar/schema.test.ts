import Ajv from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { FORMATS } from '../../src/grammar/formats.ts';
import { checkSpec, GrammarEngine, type GrammarSpec } from '../../src/grammar/grammar.ts';
import { schemas } from './random-schema.ts';
import { encodeText, isAllowed, ramble, vocabulary, walk, withMasks } from './walk.ts';

const engine = new GrammarEngine(async () => vocabulary);
afterAll(() => engine.close());

const ajv = new Ajv({ strict: false });
for (const [name, pattern] of Object.entries(FORMATS)) ajv.addFormat(name, new RegExp(`^(?:${pattern})$`, 'u'));

/** 0 <= x < 1, the same in every run. */
let state = 20261122;
const random = () => {
  state = (state * 48271) % 2147483647;
  return state / 2147483647;
};

/** Whether a grammar allows a text to its end, and may end there. */
const isTaken = (spec: GrammarSpec, text: string): Promise<boolean> =>
  withMasks(engine, spec, async (masks) => {
    let mask: Uint32Array | undefined = await masks.start();
    for (const id of encodeText(text)) {
      if (!mask || !isAllowed(mask, id)) return false;
      mask = await masks.accept(id);
    }
    return !mask || vocabulary.endIds.some((id) => isAllowed(mask!, id));
  });
const takes = (schema: unknown, text: string) => isTaken({ kind: 'json_schema', schema }, text);

describe('answers that a schema holds', () => {
  it('are valid by ajv and come to an end, whatever the schema', { timeout: 300_000 }, async () => {
    let [unfinished, total] = [0, 0];
    for (const schema of fc.sample(schemas, { seed: 6, numRuns: 10 })) {
      const isValid = ajv.compile(schema);
      for (const answer of [walk, ramble]) {
        const spec: GrammarSpec = { kind: 'json_schema', schema };
        const text = await withMasks(engine, spec, (masks) => answer(masks, random, 500), 500);
        total++;
        if (text === undefined) unfinished++;
        else expect({ text, schema, isValid: isValid(JSON.parse(text)) }).toMatchObject({ isValid: true });
      }
    }
    expect(unfinished / total).toBeLessThan(0.05);
  });

  it.each<[object, string[], string[]]>([
    [{ type: 'string', pattern: '\\d$' }, ['"a1"', '"\\n7"'], ['"1a"', '""']],
    [{ type: 'string', pattern: '^[à-ÿ]+$', maxLength: 3 }, ['"éàü"'], ['"e"', '"éééé"', '"÷Ā"']],
    [{ type: 'string', minLength: 2, maxLength: 3 }, ['"😀é"', '"abc"'], ['"😀"', '"abcd"']],
    [{ type: 'string', maxLength: 70 }, [`"${'ab'.repeat(35)}"`], [`"${'a'.repeat(71)}"`]],
    [
      { type: 'number', exclusiveMinimum: -1.5, maximum: 2.25 },
      ['-1.49', '2.25', '0', '2.250'],
      ['-1.5', '2.26', '3', '1e0'],
    ],
    [{ type: 'integer', multipleOf: 7, maximum: 30 }, ['28', '-7', '0'], ['35', '8', '1.0']],
    [
      { type: 'array', items: { type: 'null' }, minItems: 2, maxItems: 3 },
      ['[null,null]', '[null, null, null]'],
      ['[null]', '[]'],
    ],
    [
      { type: 'array', prefixItems: [{ type: 'null' }], items: { type: 'boolean' } },
      ['[]', '[null,true]'],
      ['[true]', '[null,null]'],
    ],
    [
      { properties: { a: {}, b: {} }, type: 'object', minProperties: 1 },
      ['{"a":1}', '{"a": [], "b":{}}'],
      ['{}', '{"c":1}', '{"b":1,"a":1}'],
    ],
    [
      {
        type: 'object',
        properties: { n1: { minimum: 5 } },
        patternProperties: { '^n': { type: 'integer' } },
        additionalProperties: false,
      },
      ['{"n1":5,"n2":1}', '{"n":0}'],
      ['{"n1":4}', '{"n1":"x"}', '{"n2":"x"}', '{"m":1}'],
    ],
    [
      { $defs: { n: { type: ['array', 'null'], items: { $ref: '#/$defs/n' } } }, $ref: '#/$defs/n' },
      ['[[null],[]]', 'null'],
      ['[1]'],
    ],
    [
      { allOf: [{ type: 'integer', minimum: 3 }, { anyOf: [{ maximum: 4 }, { const: 9 }] }] },
      ['3', '4', '9'],
      ['2', '5'],
    ],
    [{ enum: [1, 'a', null, { b: [2] }], type: ['integer', 'object'] }, ['1', '{"b":[2]}'], ['"a"', 'null']],
    [
      { type: 'string', format: 'date' },
      ['"2024-02-29"', '"2023-12-31"'],
      ['"2023-02-29"', '"2024-13-01"', '"2024-04-31"'],
    ],
    [
      { type: 'string', format: 'email', minLength: 8, maxLength: 100 },
      ['"jo@ex.org"', `"${'a'.repeat(15)}@${'b'.repeat(15)}.com"`],
      ['"a@b.org"', `"${'a'.repeat(20)}@${'b'.repeat(40)}.${'c'.repeat(40)}"`],
    ],
    [{ type: 'string', format: 'hostname', maxLength: 254 }, ['"a.example.org"'], ['"-a.org"', '"a..b"']],
    [{ type: 'string', format: 'hostname', maxLength: 6 }, ['"a.org"', '"abcdef"'], ['"a.b.org"']],
  ])('are those of %j', async (schema, valid, invalid) => {
    for (const text of valid) expect([text, await takes(schema, text)]).toEqual([text, true]);
    for (const text of invalid) expect([text, await takes(schema, text)]).toEqual([text, false]);
  });
});

describe('a schema that is not enforced exactly', () => {
  it.each<[object, string, string]>([
    [{ properties: { tags: { type: 'array', uniqueItems: true } } }, 'uniqueItems', '#/properties/tags'],
    [{ not: { type: 'null' } }, 'not', '#'],
    [{ if: {}, else: {} }, 'if', '#'],
    [{ dependentRequired: { a: ['b'] } }, 'dependentRequired', '#'],
    [{ contains: {} }, 'contains', '#'],
    [{ unevaluatedProperties: false }, 'unevaluatedProperties', '#'],
    [{ items: { type: 'number', multipleOf: 0.01 } }, 'multipleOf', '#/items'],
    [{ type: 'string', pattern: '(?=a)b' }, 'pattern', '#'],
    [{ type: 'string', pattern: '(a)\\1' }, 'pattern', '#'],
    [{ type: 'string', pattern: '[' }, 'pattern', '#'],
    [{ type: 'string', format: 'uri' }, 'format', '#'],
    [{ type: 'integer', minimum: 1e20 }, 'minimum', '#'],
    [{ $ref: 'https://example.com/x' }, '$ref', '#'],
    [{ $ref: '#/$defs/missing' }, '$ref', '#'],
    [{ $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }, '$ref', '#/$defs/a'],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, 'oneOf', '#'],
    [{ type: 'text' }, 'type', '#'],
    [{ maxlength: 3 }, 'maxlength', '#'],
    [{ additionalProperties: {}, minProperties: 2 }, 'minProperties', '#'],
  ])('is refused by keyword and place: %j', (schema, keyword, path) => {
    expect(() => checkSpec({ kind: 'json_schema', schema })).toThrowError(
      expect.objectContaining({
        code: 'invalid_request',
        details: { keyword, path },
        message: expect.stringContaining(`"${keyword}"`),
      }),
    );
  });

  it('is refused where it has no value at all', () => {
    const endless = { type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] };
    for (const schema of [endless, { type: 'string', enum: [1] }, { type: 'integer', minimum: 3, maximum: 2 }, false]) {
      expect(() => checkSpec({ kind: 'json_schema', schema })).toThrowError(/no value that can be written/);
    }
  });

  it('may have annotations', () => {
    const annotated = {
      title: 'a',
      description: 'b',
      default: 1,
      examples: [1],
      $schema: 'x',
      $comment: 'c',
      'x-own': 1,
    };
    expect(() => checkSpec({ kind: 'json_schema', schema: { ...annotated, type: 'integer' } })).not.toThrow();
  });
});

describe('other grammars', () => {
  const tools: GrammarSpec = {
    kind: 'tools',
    parallel: true,
    tools: [
      { name: 'add', parameters: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] } },
      { name: 'now' },
    ],
  };
  it('of tools give calls as the template writes them', async () => {
    const call = '{"name": "add", "parameters": {"a": 1}}';
    expect(await isTaken(tools, call)).toBe(true);
    expect(await isTaken(tools, `${call}{"name": "now", "parameters": {}}`)).toBe(true);
    expect(await isTaken({ ...tools, parallel: false }, call + call)).toBe(false);
    expect(await isTaken(tools, '{"name": "add", "parameters": {}}')).toBe(false);
    expect(await isTaken(tools, '{"name": "sub", "parameters": {"a": 1}}')).toBe(false);
  });

  it('of JSON give objects', async () => {
    expect(await isTaken({ kind: 'json' }, '{"a": [1, {"b": null}], "c":"\\u00e9"}')).toBe(false);
    expect(await isTaken({ kind: 'json' }, '{"a": [1, {"b": null}], "c":"é\\n"}')).toBe(true);
    expect(await isTaken({ kind: 'json' }, '[1]')).toBe(false);
  });

  it('in EBNF are taken as they are, characters beyond ASCII too, and errors are told', async () => {
    const grammar = 'root ::= [à-ÿ] [^é"] "é[ü]" # [ö-ü]\n';
    expect(await isTaken({ kind: 'ebnf', grammar }, 'öxé[ü]')).toBe(true);
    expect(await isTaken({ kind: 'ebnf', grammar }, 'öéé[ü]')).toBe(false);
    expect(await isTaken({ kind: 'ebnf', grammar }, 'oxé[ü]')).toBe(false);
    await expect(isTaken({ kind: 'ebnf', grammar: 'root ::= missing' }, '')).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('"missing"'),
    });
  });

  it('allow no special token but the ends, and those only where the grammar may end', async () => {
    const special = vocabulary.bytes.flatMap(({ length }, id) => (length === 0 ? [id] : []));
    await withMasks(engine, { kind: 'ebnf', grammar: 'root ::= "a"+' }, async (masks) => {
      const [begin, later] = [await masks.start(), await masks.accept(encodeText('a')[0]!)];
      expect(special.filter((id) => isAllowed(begin, id))).toEqual([]);
      expect(special.filter((id) => isAllowed(later!, id)).sort()).toEqual([...vocabulary.endIds].sort());
    });
  });

  it('bring JSON to an end before its tokens run out', async () => {
    const schema = {
      type: 'object',
      properties: {
        text: { type: 'string' },
        list: { type: 'array', items: { type: 'string' } },
        kind: { enum: ['a', 'b'] },
      },
      required: ['text', 'list', 'kind'],
    };
    const isValid = ajv.compile(schema);
    for (const numTokens of [40, 60, 100]) {
      const spec: GrammarSpec = { kind: 'json_schema', schema };
      const text = await withMasks(engine, spec, (masks) => ramble(masks, random, numTokens), numTokens);
      expect([text, text !== undefined && isValid(JSON.parse(text))]).toEqual([text, true]);
    }
  });
});
