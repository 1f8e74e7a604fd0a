/** Requests that hold the answer to a form, over the fake model and the real grammars. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGrammars } from '../../src/api/grammars.ts';
import type { Vocabulary } from '../../src/engine/request.ts';
import type { Engine } from '../../src/index.ts';
import { createFakeEngine, fakeModel } from '../engine/fake-model.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await createFakeEngine(fakeModel({ vocabSize: 260 }));
});
afterAll(() => engine?.unload());

const messages = [{ role: 'user', content: 'Hi' }] as const;
const colours = { enum: ['red', 'green', 'blue'] };
const schemaOf = (properties: object) => ({
  response_format: {
    type: 'json_schema',
    json_schema: {
      name: 'answer',
      schema: { type: 'object', properties, required: Object.keys(properties), additionalProperties: false },
    },
  } as const,
});

describe('an answer', () => {
  it('obeys its schema, its grammar or the tool that it must call, once per choice', async () => {
    const schema = schemaOf({ colour: colours, size: { type: 'integer', minimum: 3, maximum: 5 } });
    const { choices } = await engine.chat.completions.create({ messages, ...schema, n: 2, temperature: 1, seed: 1 });
    for (const { message, finish_reason } of choices) {
      const { colour, size, ...rest } = JSON.parse(message.content!);
      expect(colours.enum).toContain(colour);
      expect([3, 4, 5]).toContain(size);
      expect([finish_reason, rest]).toEqual(['stop', {}]);
    }
    const spoken = await engine.chat.completions.create({ messages, grammar: 'root ::= "yes" | "no"' });
    expect(['yes', 'no']).toContain(spoken.choices[0].message.content);
    const text = await engine.completions.create({ prompt: 'Hi', grammar: 'root ::= "yes" | "no"' });
    expect(['yes', 'no']).toContain(text.choices[0]!.text);
    const paint = {
      type: 'function',
      function: { name: 'paint', parameters: { properties: { colour: colours } } },
    } as const;
    const forced = { messages, tools: [paint], tool_choice: paint };
    const called = (await engine.chat.completions.create(forced)).choices[0];
    expect(called).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
    expect(called.message.tool_calls!.map((call) => call.function.name)).toEqual(['paint']);
  });

  it.each<[string, object, object]>([
    [
      'a keyword',
      schemaOf({ a: { type: 'array', uniqueItems: true } }),
      { param: 'response_format', keyword: 'uniqueItems' },
    ],
    ['a grammar with errors', { grammar: 'root ::= (' }, { param: 'grammar' }],
    [
      "a tool's keyword",
      {
        tools: [{ type: 'function', function: { name: 'f', parameters: { properties: { a: { not: {} } } } } }],
        tool_choice: 'required',
      },
      { param: 'tools', keyword: 'not' },
    ],
  ])('is refused by name: %s that cannot be enforced', async (_, fields, details) => {
    const failure = await engine.chat.completions.create({ messages, max_tokens: 5, ...fields, stream: true }).then(
      () => undefined,
      (error) => error,
    );
    expect(failure).toMatchObject({ code: 'invalid_request', details });
    const next = await engine.chat.completions.create({ messages, grammar: 'root ::= "yes"' });
    expect(next.choices[0].message.content).toBe('yes');
  });
});

it('a grammar that is being opened is interrupted, and one that is opened later is not', async () => {
  let answerAll = (_: Vocabulary) => {};
  const asked = new Promise<Vocabulary>((resolve) => {
    answerAll = resolve;
  });
  const grammars = createGrammars({ vocabulary: () => asked });
  const { signal } = new AbortController();
  const interrupted = grammars.open({ kind: 'json' }, signal);
  grammars.interrupt();
  await expect(interrupted).rejects.toMatchObject({ name: 'AbortError' });

  const later = grammars.open({ kind: 'json' }, signal);
  answerAll({ bytes: Array.from({ length: 128 }, (_, id) => Uint8Array.of(id)), endIds: [0] });
  (await later).close();
  grammars.close();
});
