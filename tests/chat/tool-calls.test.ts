import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnswerPart, ToolCallParser } from '../../src/chat/tool-calls.ts';

const NAMES = ['get_weather', 'add', 'add_all', 'get-time'];

/** Neighbouring text as one piece. */
function parse(pieces: readonly string[]): AnswerPart[] {
  const parser = new ToolCallParser(NAMES);
  const parts: AnswerPart[] = [];
  for (const part of [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]) {
    const last = parts.at(-1);
    if ('text' in part && last && 'text' in last) parts[parts.length - 1] = { text: last.text + part.text };
    else parts.push(part);
  }
  return parts;
}
const characters = (text: string) => text.split('');
const call = (name: string, args: object = {}) => ({ call: { name, arguments: JSON.stringify(args) } });
const callsIn = (parts: readonly AnswerPart[]) =>
  parts.map((part) => ('call' in part ? { ...part.call, arguments: JSON.parse(part.call.arguments) } : part));

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** As Python's `repr`, with the other quotes too. */
function python(value: Json, quote: string): string {
  if (typeof value === 'string') {
    const escaped = (unit: string) => (unit === quote || unit === '\\' ? `\\${unit}` : unit === '\n' ? '\\n' : unit);
    return `${quote}${value.split('').map(escaped).join('')}${quote}`;
  }
  if (Array.isArray(value)) return `[${value.map((item) => python(item, quote)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => `${python(key, quote)}: ${python(item, quote)}`);
    return `{${entries.join(', ')}}`;
  }
  return { true: 'True', false: 'False', null: 'None' }[String(value)] ?? String(value);
}

interface Call {
  readonly name: string;
  readonly args: Record<string, Json>;
}
type Print = (calls: readonly Call[], indent: number) => string;

const pythonic =
  (quote: string): Print =>
  (calls) => {
    const one = ({ name, args }: Call) =>
      `${name}(${Object.entries(args).map(([key, value]) => `${key}=${python(value, quote)}`)})`;
    return `[${calls.map(one).join(', ')}]`;
  };
const objects =
  (separator: string, describe: (call: Call) => object): Print =>
  (calls, indent) =>
    calls.map((call) => JSON.stringify(describe(call), null, indent)).join(separator);
const parameters = ({ name, args }: Call) => ({ name, parameters: args });

const FORMS: Readonly<Record<string, Print>> = {
  'pythonic, single quotes': pythonic("'"),
  'pythonic, double quotes': pythonic('"'),
  'objects in a row': objects('', parameters),
  'objects with semicolons': objects('; ', parameters),
  'objects on lines, with a type': objects('\n', ({ name, args }) => ({ type: 'function', name, arguments: args })),
  'objects with a string of JSON': objects(' ', ({ name, args }) => ({ parameters: JSON.stringify(args), name })),
  'a list of objects': (calls, indent) => `[${objects(',', parameters)(calls, indent)}]`,
  tagged: (calls, indent) =>
    calls.map(({ name, args }) => `<function=${name}>${JSON.stringify(args, null, indent)}</function>`).join('\n'),
};

const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
    fc.integer(),
    fc.constantFrom(null, true, false),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const call1 = fc.record({
  name: fc.constantFrom(...NAMES),
  args: fc.dictionary(fc.stringMatching(/^[a-z_][a-z0-9_]{0,5}$/), json, { maxKeys: 4, noNullPrototype: true }),
});
/** Cuts text at random places. */
const cut = (text: string, seed: readonly number[]) => {
  const pieces: string[] = [];
  for (let at = 0, step = 0; at < text.length; step++) {
    const length = 1 + (seed[step % seed.length] ?? 0);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
};
const lengths = fc.array(fc.nat(12), { minLength: 1, maxLength: 6 });

describe('calls in an answer', () => {
  it.each(Object.entries(FORMS))('are found as they were meant, however the text comes in pieces: %s', (_, print) => {
    const calls = fc.array(call1, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(calls, fc.nat(2), lengths, fc.constantFrom('', '\n\n'), (wanted, indent, seed, blanks) => {
        const parts = parse(cut(blanks + print(wanted, indent) + blanks, seed));
        expect(callsIn(parts)).toEqual(wanted.map(({ name, args }) => ({ name, arguments: args })));
      }),
      { numRuns: 150 },
    );
  });

  it('leave all other text as it was, in whatever pieces it comes', () => {
    const scraps = [
      '[',
      ']',
      '{',
      '}',
      '"name"',
      ':',
      '"add"',
      'add',
      '(',
      ')',
      'a=',
      '1',
      ' ',
      '\n',
      '<function=',
      '>',
    ];
    const text = fc
      .array(fc.oneof(fc.constantFrom(...scraps), fc.string()), { maxLength: 12 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(text, lengths, (answer, seed) => {
        const whole = parse([answer]);
        expect(parse(cut(answer, seed))).toEqual(whole);
        if (whole.every((part) => 'text' in part)) expect(whole.map(({ text }) => text).join('')).toBe(answer);
      }),
      { numRuns: 2000 },
    );
  });

  it.each<[string, string, AnswerPart[]]>([
    [
      'after text',
      'Let me see.\n\n{"name": "add", "parameters": {"a": 1}}',
      [{ text: 'Let me see.\n\n' }, call('add', { a: 1 })],
    ],
    ['before text', '[add()] is the answer', [call('add'), { text: ' is the answer' }]],
    [
      'with several literals',
      `[add(a=-1.5, b=[+1_000, .5, 1.], c={'k': (None)})]`,
      [{ text: `[add(a=-1.5, b=[+1_000, .5, 1.], c={'k': (None)})]` }],
    ],
    [
      'with numbers of Python',
      '[add(a=-1.5e3, b=[+1_000, .5, 1.], c=12345678901234567890)]',
      [{ call: { name: 'add', arguments: '{"a":-1.5e3,"b":[1000,0.5,1.0],"c":12345678901234567890}' } }],
    ],
    [
      'with escapes',
      `[add(a='\\x41\\u00e9\\101\\t\\'', b="""a "b" \\""" c\n""")]`,
      [call('add', { a: "AéA\t'", b: 'a "b" """ c\n' })],
    ],
    ['of the longer of two names', '[add_all(a=True,)]', [call('add_all', { a: true })]],
    ['with a last tag that the end cut off', '<function=add>{"a": null}', [call('add', { a: null })]],
    [
      'but not of unknown functions',
      '{"name": "subtract", "parameters": {}}',
      [{ text: '{"name": "subtract", "parameters": {}}' }],
    ],
    ['but not with positional arguments', '[add(1, 2)]', [{ text: '[add(1, 2)]' }]],
    ['but not with one argument twice', '[add(a=1, a=2)]', [{ text: '[add(a=1, a=2)]' }]],
    [
      'but not with arguments that are no object',
      '{"name": "add", "parameters": [1]}',
      [{ text: '{"name": "add", "parameters": [1]}' }],
    ],
    ['but not without arguments', '{"name": "add"}', [{ text: '{"name": "add"}' }]],
    ['but not cut off', '[add(a=1), add(', [{ text: '[add(a=1), add(' }]],
    ['but not with an endless depth', `[add(a=${'['.repeat(20000)}`, [{ text: `[add(a=${'['.repeat(20000)}` }]],
  ])('are found %s', (_, text, expected) => {
    expect(parse([text])).toEqual(expected);
    if (text.length < 1000) expect(parse(characters(text))).toEqual(expected);
  });

  it('hold text back only while it may still become a call', () => {
    const parser = new ToolCallParser(NAMES);
    const textOf = (piece: string) => parser.push(piece).map((part) => ('text' in part ? part.text : '!'));
    expect(textOf(' ')).toEqual([]);
    expect(textOf('Use [')).toEqual([' Use ']);
    expect(textOf('add')).toEqual([]);
    expect(textOf('ress')).toEqual(['[', 'address']);
    expect(textOf('] {"name": "get')).toEqual(['] ']);
    expect(textOf('_out"')).toEqual(['{', '"name": "get_out"']);
    expect(parser.end()).toEqual([]);
  });
});
