import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RenderInput } from '../../src/chat/template.ts';
import { findChatTemplate } from '../../src/chat/template-source.ts';
import type { Segment } from '../../src/tokenizer/tokenizer.ts';
import { loadScoutling, readJson, scoutlingTemplate } from '../tokenizer/models.ts';
import { type Case, inputOf, templateOf, textOf } from './cases.ts';

const tokenizer = loadScoutling();
const template = templateOf(scoutlingTemplate(), tokenizer);
describe("Llama 4's template", () => {
  // A part of the goldens by Transformers 5.23; ids by Hugging Face tokenizers with Scoutling's vocabulary.
  const chats: Case[] = readJson('tests/fixtures/chat/scoutling-chats.json');

  it.each(chats)('renders as Transformers does: $name', (chat) => {
    const render = () => template.render(inputOf(chat));
    if (chat.error) return expect(render).toThrow(expect.objectContaining({ code: 'template_error' }));
    expect(textOf(render())).toBe(chat.rendered);
    if (chat.ids) expect(tokenizer.encodeRendered(render())).toEqual(chat.ids);
  });
});

describe('special tokens that users type', () => {
  const pieces = [
    '<|eot|>',
    '<|header_start|>',
    '<|begin_of_text|>',
    '<|image|>',
    '<|e',
    'ot|>',
    '<',
    '|',
    '>',
    'a',
    ' ',
    '\n',
  ];
  const marks = ['\u3400', '\u3400#0\u3400', '#0', '\u3401', '@1', '"', '\\', "'"];
  const typed = fc.array(fc.constantFrom(...pieces, ...marks), { maxLength: 6 }).map((parts) => parts.join(''));
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 2 }, typed, fc.integer(), fc.constant(null), fc.boolean(), tie('list'), tie('object')),
    list: fc.array(tie('value'), { maxLength: 2 }),
    // A number in front keeps keys apart when they are made harmless below.
    object: fc
      .array(fc.tuple(typed, tie('value')), { maxLength: 2 })
      .map((entries) => Object.fromEntries(entries.map(([key, value], index) => [`k${index}${key}`, value]))),
  }));
  const part = fc.oneof(
    typed.map((text) => ({ type: 'text', text })),
    fc.constant({ type: 'image' }),
    json.object,
  );
  const call = fc.record({ id: typed, type: typed, function: fc.record({ name: typed, arguments: json.value }) });
  const message = fc.oneof(
    fc.record({
      role: fc.constantFrom('system', 'user', 'assistant'),
      content: fc.oneof(typed, fc.array(part, { maxLength: 3 })),
    }),
    fc.record({ role: fc.constant('assistant'), content: typed, tool_calls: fc.array(call, { maxLength: 2 }) }),
    fc.record({ role: fc.constantFrom('tool', 'ipython'), content: fc.oneof(typed, json.object, json.list) }),
    fc.record({ role: typed, content: typed, name: typed }),
  );
  const conversation = fc.record({
    messages: fc.array(message, { minLength: 1, maxLength: 4 }),
    tools: fc.option(fc.array(json.value, { maxLength: 2 })),
    addGenerationPrompt: fc.boolean(),
    templateKwargs: fc.oneof(
      fc.constant({}),
      fc.record({ custom_tools: json.list }),
      fc.record({ tools_in_user_message: fc.constant(false) }),
    ),
  });

  const harmless = (text: string) =>
    text.replace(/[<|>]/g, (character) => ({ '<': '(', '|': '!', '>': ')' })[character]!);
  const harmlessSegment = (segment: Segment) => ('text' in segment ? { text: harmless(segment.text) } : segment);

  it('are text in every field: the prompt is that of the same conversation in harmless characters', () => {
    let rendered = 0;
    fc.assert(
      fc.property(conversation, (input) => {
        // None of the three characters means anything to JSON or to Python's repr, and the template writes none outside specials.
        const twin = JSON.parse(harmless(JSON.stringify(input)));
        let expected: Segment[];
        try {
          expected = template.render(twin);
        } catch {
          expect(() => template.render(input)).toThrow();
          return;
        }
        rendered++;
        const segments = template.render(input);
        expect(segments.map(harmlessSegment)).toEqual(expected);
        const ids = tokenizer.encodeRendered(segments);
        const specialIds = segments.flatMap((segment) =>
          'special' in segment ? tokenizer.specialTokens.get(segment.special) : [],
        );
        expect(ids.filter((id) => id >= 4064)).toEqual(specialIds);
        expect(tokenizer.decode(ids, { skipSpecial: false })).toBe(textOf(segments));
      }),
      { numRuns: 1000 },
    );
    expect(rendered).toBeGreaterThan(500);
  });
});

describe('other templates', () => {
  const user = (content: string): RenderInput => ({
    messages: [{ role: 'user', content }],
    addGenerationPrompt: false,
  });
  const render = (source: string, input: RenderInput, now?: () => Date) =>
    templateOf(source, tokenizer, now ? { now } : {}).render(input);

  // tests/fixtures/chat/python-jinja.json: rendered by Python's Jinja 3.1.6, set up as Transformers does.
  const python: {
    variables: Record<string, unknown>;
    cases: { template: string; rendered?: string; error?: string }[];
  } = readJson('tests/fixtures/chat/python-jinja.json');
  it.each(python.cases)('print what Python prints: $template', ({ template: source, rendered, error }) => {
    const run = () => textOf(render(source, { ...user('x'), templateKwargs: python.variables }));
    if (error) expect(run).toThrow(expect.objectContaining({ code: 'template_error' }));
    else expect(run()).toBe(rendered);
  });

  it('compare, search and split what users wrote as text, and still print their own specials as such', () => {
    const source =
      "{% set c = messages[0].content %}{% if '<|eot|>' in c %}{{ c.split('<|eot|>')[0] }}{% endif %}" +
      "{{ c | replace('<|eot|>', '<|eom|>') }}{{ '<|eot|>' if c != '<|eot|>' else '' }}{{ eos_token }}<|step|>";
    expect(render(source, user('a<|eot|>b'))).toEqual([
      { text: 'aa' },
      { special: '<|eom|>' },
      { text: 'b' },
      { special: '<|eot|>' },
      { special: '<|eot|>' },
      { special: '<|step|>' },
    ]);
  });

  it('may leave a loop early, but not after printing: the library would lose that text', () => {
    const source =
      '{% for i in range(9) %}{% if i == 1 %}{% continue %}{% elif i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}';
    expect(render(source, user('x'))).toEqual([{ text: '023' }]);
    expect(() => render('{% for i in range(9) %}{{ i }}{% break %}{% endfor %}', user('x'))).toThrow(
      /break after text was printed/,
    );
  });

  it('keep their specials through tojson, trim and lists', () => {
    const source = "{{ ['<|eot|>', 'é'] | tojson(ensure_ascii=true) }}{{ ('<|eot|>' + ' ') | trim }}{{ ['<|eot|>'] }}";
    const eot = { special: '<|eot|>' };
    expect(render(source, user('x'))).toEqual([
      { text: '["' },
      eot,
      { text: '", "\\u00e9"]' },
      eot,
      { text: "['" },
      eot,
      { text: "']" },
    ]);
  });

  it('read the clock in the C locale', () => {
    const source = "{{ strftime_now('%d %b %Y, %A %I:%M %p, 100%%') }}";
    expect(render(source, user('x'), () => new Date(2026, 10, 2, 13, 5))).toEqual([
      { text: '02 Nov 2026, Monday 01:05 PM, 100%' },
    ]);
    expect(() => render("{{ strftime_now('%Q') }}", user('x'))).toThrow(/%Q is not supported/);
  });

  it('are refused where they cannot be parsed, or put special tokens together from pieces', () => {
    const refused = (message: RegExp) =>
      expect.objectContaining({ code: 'template_error', message: expect.stringMatching(message) });
    expect(() => templateOf('{% if %}', tokenizer)).toThrow(refused(/cannot be parsed/));
    expect(() => templateOf('{% macro m(a) %}{{ kwargs.b }}{% endmacro %}', tokenizer)).toThrow(
      refused(/kwargs of a macro is not supported/),
    );
    expect(() => templateOf("{{ '<|' + 'eot' + '|>' }}", tokenizer)).toThrow(refused(/puts "<\|eot\|>" together/));
  });

  it('come from chat_template.jinja, else from tokenizer_config.json', () => {
    const named = [
      { name: 'tool_use', template: 't' },
      { name: 'default', template: 'd' },
    ];
    expect(findChatTemplate('j', { chat_template: 'c' })).toBe('j');
    expect(findChatTemplate(undefined, { chat_template: 'c' })).toBe('c');
    expect(findChatTemplate(undefined, { chat_template: named })).toBe('d');
    expect(() => findChatTemplate(undefined, undefined)).toThrow(expect.objectContaining({ code: 'template_error' }));
  });
});
