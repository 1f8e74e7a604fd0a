/** Every parameter of OpenAI's `chat.completions.create` does what it says or is refused by name. */
import { readFileSync } from 'node:fs';
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';
import type { CompletionCreateParams } from 'openai/resources/completions';
import { describe, expect, it } from 'vitest';
import { CHAT_PARAMETERS, TEXT_PARAMETERS } from '../../src/api/request/support.ts';
import type { ChatCompletionRequest } from '../../src/index.ts';
import { OutriderError } from '../../src/index.ts';
import { type FakeApi, fakeApi, readAll } from './fake-api.ts';

type ChatKey = keyof ChatCompletionCreateParams;

/** The compiler compares the tables with the official package: neither has a key that the other lacks. */
const chatTable: Record<ChatKey, 'supported' | 'refused'> = CHAT_PARAMETERS;
const textTable: Record<keyof CompletionCreateParams, 'supported' | 'refused'> = TEXT_PARAMETERS;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const exact: [Same<ChatKey, keyof typeof CHAT_PARAMETERS>, Same<keyof typeof textTable, keyof typeof TEXT_PARAMETERS>] =
  [true, true];

const user = (content: string) => ({ role: 'user', content }) as const;
const base = { messages: [user('Hi')], temperature: 0, max_tokens: 12 };
const add = {
  type: 'function',
  function: {
    name: 'add',
    description: 'Adds.',
    parameters: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] },
  },
} as const;
const subtract = { type: 'function', function: { name: 'subtract' } } as const;
const addCall = '{"name": "add", "parameters": {"a": 1}}';

const choicesOf = async ({ engine }: FakeApi, fields: object) => {
  const answer = await engine.chat.completions.create({ ...base, ...fields, stream: false });
  return answer.choices;
};
const textOf = async (api: FakeApi, fields: object = {}) => (await choicesOf(api, fields))[0].message.content;
const refusal = async (api: FakeApi, fields: object) => {
  const failure = await choicesOf(api, fields).then(
    () => undefined,
    (error) => error,
  );
  expect(failure).toBeInstanceOf(OutriderError);
  return (failure as OutriderError).details;
};
const usesOf = (text: string | null, character: string) => text!.split(character).length - 1;
const changesText = (fields: object) => async () => {
  const api = await fakeApi();
  expect(await textOf(api, fields)).not.toBe(await textOf(api));
};

/** Refused: every value but null and those that ask for nothing. */
const refuses =
  (key: ChatKey, values: readonly unknown[], neutral: readonly unknown[] = []) =>
  async () => {
    const api = await fakeApi();
    for (const value of values)
      expect(await refusal(api, { [key]: value }), String(value)).toMatchObject({ param: key });
    const plain = await textOf(api);
    for (const value of [null, ...neutral]) expect(await textOf(api, { [key]: value })).toBe(plain);
  };

const LIVE: Record<ChatKey, () => Promise<void>> = {
  messages: async () => {
    const api = await fakeApi();
    const messages = [user('Hi'), { role: 'assistant', content: 'Ho' }, user('Hi')];
    expect(await textOf(api, { messages })).not.toBe(await textOf(api));
    expect(await refusal(api, { messages: [{ role: 'function', content: 'x', name: 'f' }] })).toMatchObject({
      param: 'messages[0].role',
    });
  },
  model: async () => {
    const api = await fakeApi();
    expect(await textOf(api, { model: 'bytes' })).toBe(await textOf(api));
    expect(await refusal(api, { model: 'gpt-4o' })).toMatchObject({ param: 'model', reason: 'model_not_found' });
  },
  audio: refuses('audio', [{ voice: 'alloy', format: 'mp3' }]),
  frequency_penalty: async () => {
    const api = await fakeApi({ say: 'aaaaaaaaaaaaaaaa' });
    expect(usesOf(await textOf(api), 'a')).toBe(12);
    expect(usesOf(await textOf(api, { frequency_penalty: 2 }), 'a')).toBeLessThan(8);
  },
  function_call: refuses('function_call', ['auto', { name: 'add' }]),
  functions: refuses('functions', [[{ name: 'add' }]], [[]]),
  logit_bias: async () => {
    const api = await fakeApi({ say: 'aaaaaaaaaaaaaaaa' });
    expect(await textOf(api, { logit_bias: { 97: -100 } })).not.toContain('a');
    expect(await textOf(api, { logit_bias: { 98: 100 } })).toBe('b'.repeat(12));
    expect(await refusal(api, { logit_bias: { 98: 101 } })).toMatchObject({ param: 'logit_bias.98' });
    expect(await refusal(api, { logit_bias: { b: 1 } })).toMatchObject({ param: 'logit_bias' });
  },
  logprobs: async () => {
    const api = await fakeApi({ say: 'é!' });
    const [{ logprobs, message }] = await choicesOf(api, { logprobs: true });
    expect(message.content).toBe('é!');
    expect(logprobs!.content.map(({ token, bytes }) => [token, bytes])).toEqual([
      ['bytes:\\xc3', [0xc3]],
      ['bytes:\\xa9', [0xa9]],
      ['!', [0x21]],
    ]);
    for (const { logprob, top_logprobs } of logprobs!.content) {
      expect(logprob).toBeLessThan(0);
      expect(top_logprobs).toEqual([]);
    }
    expect((await choicesOf(api, {}))[0].logprobs).toBeNull();
  },
  max_completion_tokens: async () => {
    const api = await fakeApi();
    const answer = { max_tokens: null, max_completion_tokens: 5 };
    expect(await choicesOf(api, answer)).toMatchObject([{ finish_reason: 'length', message: { content: /^.{5}$/ } }]);
  },
  max_tokens: async () => {
    const api = await fakeApi();
    expect(await textOf(api, { max_tokens: 3 })).toHaveLength(3);
  },
  metadata: refuses('metadata', [{ key: 'value' }], [{}]),
  modalities: refuses('modalities', [['audio'], ['text', 'audio']], [['text']]),
  n: async () => {
    const api = await fakeApi();
    const fields = { n: 3, temperature: 1, seed: 7 };
    const choices = await choicesOf(api, fields);
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(choices.map(({ message }) => message.content)).size).toBe(3);
    const chunks = await readAll(await api.engine.chat.completions.create({ ...base, ...fields, stream: true }));
    const streamed = choices.map(({ index }) => {
      const pieces = chunks.flatMap((chunk) => chunk.choices).filter((piece) => piece.index === index);
      expect(pieces[0]!.delta.role).toBe('assistant');
      expect(pieces.at(-1)!.finish_reason).toBe('length');
      return pieces.map(({ delta }) => delta.content ?? '').join('');
    });
    expect(streamed).toEqual(choices.map(({ message }) => message.content));
  },
  parallel_tool_calls: async () => {
    const api = await fakeApi({ say: '[add(a=1), add(a=2)]' });
    const callsOf = async (fields: object) =>
      (await choicesOf(api, { tools: [add], max_tokens: 99, ...fields }))[0].message.tool_calls;
    expect(await callsOf({})).toHaveLength(2);
    expect(await callsOf({ parallel_tool_calls: true })).toHaveLength(2);
    expect(await callsOf({ parallel_tool_calls: false })).toMatchObject([{ function: { arguments: '{"a":1}' } }]);
  },
  prediction: refuses('prediction', [{ type: 'content', content: 'x' }]),
  presence_penalty: async () => {
    const api = await fakeApi({ say: 'aaaaaaaaaaaaaaaa' });
    const plain = await textOf(api);
    expect(await textOf(api, { presence_penalty: -2 })).toBe(plain);
    expect(usesOf(await textOf(api, { presence_penalty: 2, frequency_penalty: 0.01 }), 'a')).toBeLessThan(12);
  },
  prompt_cache_key: async () => {
    const api = await fakeApi();
    const first = await textOf(api, { prompt_cache_key: 'one' });
    const second = await api.engine.chat.completions.create({ ...base, prompt_cache_key: 'two' } as const);
    expect((second as { usage: { prompt_tokens_details: object } }).usage.prompt_tokens_details).not.toEqual({
      cached_tokens: 0,
    });
    expect(await textOf(api)).toBe(first);
    expect(await refusal(api, { prompt_cache_key: 5 })).toMatchObject({ param: 'prompt_cache_key' });
  },
  prompt_cache_retention: refuses('prompt_cache_retention', ['24h'], ['in-memory']),
  reasoning_effort: refuses('reasoning_effort', ['low', 'high', 'minimal'], ['none']),
  response_format: async () => {
    const api = await fakeApi({ forced: '{"a": 1}' });
    const schema = { type: 'object', properties: { a: { type: 'number' } } };
    const json_schema = { name: 'numbers', schema, strict: false };
    for (const format of [
      { type: 'json_object' },
      { type: 'json_schema', json_schema },
      { type: 'grammar', grammar: 'root ::= "x"' },
    ]) {
      expect(await textOf(api, { response_format: format })).toBe('{"a": 1}');
    }
    expect(api.specs).toEqual([
      { kind: 'json' },
      { kind: 'json_schema', schema, name: 'numbers' },
      { kind: 'ebnf', grammar: 'root ::= "x"' },
    ]);
    expect(await textOf(api, { response_format: { type: 'text' } })).toMatch(/^[a-z]{12}$/);
    expect(await refusal(api, { response_format: { type: 'xml' } })).toMatchObject({ param: 'response_format.type' });
    expect(await refusal(api, { response_format: { type: 'json_object' }, tools: [add] })).toMatchObject({
      param: 'response_format',
    });
  },
  safety_identifier: async () => {
    const api = await fakeApi();
    await textOf(api, { safety_identifier: 'ann', user: 'bob' });
    expect(api.asked.at(-1)).toMatchObject({ client: 'ann' });
  },
  seed: async () => {
    const api = await fakeApi();
    const [first, second, other] = [
      await textOf(api, { temperature: 1, seed: 1 }),
      await textOf(api, { temperature: 1, seed: 1 }),
      await textOf(api, { temperature: 1, seed: 2 }),
    ];
    expect(second).toBe(first);
    expect(other).not.toBe(first);
  },
  service_tier: refuses('service_tier', ['flex', 'priority', 'scale'], ['auto', 'default']),
  stop: async () => {
    const api = await fakeApi({ say: 'Once upon a time' });
    expect(await choicesOf(api, { stop: ['?', 'up'] })).toMatchObject([
      { finish_reason: 'stop', message: { content: 'Once ' } },
    ]);
  },
  store: refuses('store', [true], [false]),
  stream: async () => {
    const { engine } = await fakeApi({ say: 'Hello' });
    const chunks = await readAll(await engine.chat.completions.create({ ...base, stream: true }));
    expect(chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? ''))).toEqual([
      ...['', 'H', 'e', 'l', 'l', 'o', ''],
    ]);
    const tooLong = { ...base, messages: [user('x'.repeat(600))], stream: true } as const;
    await expect(engine.chat.completions.create(tooLong)).rejects.toMatchObject({ code: 'context_overflow' });
  },
  stream_options: async () => {
    const { engine } = await fakeApi({ say: 'Hello' });
    const options = { stream: true, stream_options: { include_usage: true, include_obfuscation: false } } as const;
    const chunks = await readAll(await engine.chat.completions.create({ ...base, ...options }));
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 6 } });
    expect(chunks.slice(0, -1).map(({ usage }) => usage)).toEqual(chunks.slice(1).map(() => null));
    const api = await fakeApi();
    expect(await refusal(api, { stream_options: { include_usage: true } })).toMatchObject({ param: 'stream_options' });
  },
  temperature: changesText({ temperature: 2, seed: 5 }),
  tool_choice: async () => {
    const api = await fakeApi({ say: addCall, forced: '{"name": "subtract", "parameters": {}}' });
    const tools = [add, subtract];
    const called = async (tool_choice: unknown) => {
      const [choice] = await choicesOf(api, { tools, tool_choice, max_tokens: 99 });
      return [
        choice.finish_reason,
        choice.message.content,
        choice.message.tool_calls?.map((call) => call.function.name),
      ];
    };
    const allowed = (mode: string) => ({ type: 'allowed_tools', allowed_tools: { mode, tools: [subtract] } });
    expect(await called('auto')).toEqual(['tool_calls', null, ['add']]);
    expect(await called('none')).toEqual(['stop', addCall, undefined]);
    expect(api.asked.at(-1)!.prompt).not.toHaveProperty('tools', expect.anything());
    expect(await called(allowed('auto'))).toEqual(['stop', addCall, undefined]);
    expect(api.asked.at(-1)!.prompt).toMatchObject({ tools });
    expect(api.specs).toEqual([]);
    const schemas = [
      { name: 'add', parameters: add.function.parameters },
      { name: 'subtract', parameters: { type: 'object', properties: {}, additionalProperties: false } },
    ];
    expect(await called('required')).toEqual(['tool_calls', null, ['subtract']]);
    expect(await called({ type: 'function', function: { name: 'subtract' } })).toEqual([
      'tool_calls',
      null,
      ['subtract'],
    ]);
    expect(await called(allowed('required'))).toEqual(['tool_calls', null, ['subtract']]);
    expect(api.specs).toEqual([
      { kind: 'tools', tools: schemas, parallel: true },
      { kind: 'tools', tools: schemas.slice(1), parallel: false },
      { kind: 'tools', tools: schemas.slice(1), parallel: true },
    ]);
    const unknown = { type: 'function', function: { name: 'divide' } };
    expect(await refusal(api, { tools, tool_choice: unknown })).toMatchObject({ param: 'tool_choice.function.name' });
    expect(await refusal(api, { tool_choice: 'required' })).toMatchObject({ param: 'tool_choice' });
  },
  tools: async () => {
    const api = await fakeApi({ say: `Let me see. ${addCall}` });
    const request = { ...base, max_tokens: 99, tools: [add], logprobs: true };
    const [{ message, finish_reason, logprobs }] = await choicesOf(api, request);
    expect(api.asked.at(-1)!.prompt).toMatchObject({ tools: [add] });
    expect({ message, finish_reason }).toEqual({
      message: {
        role: 'assistant',
        content: 'Let me see. ',
        refusal: null,
        tool_calls: [
          {
            id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
            type: 'function',
            function: { name: 'add', arguments: '{"a":1}' },
          },
        ],
      },
      finish_reason: 'tool_calls',
    });
    expect(logprobs!.content.map(({ token }) => token).join('')).toBe(`Let me see. ${addCall}`);
    const chunks = await readAll(await api.engine.chat.completions.create({ ...request, stream: true }));
    const calls = chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));
    const id = expect.stringMatching(/^call_/);
    expect(calls).toEqual([
      { index: 0, id, type: 'function', function: { name: 'add', arguments: '' } },
      { index: 0, function: { arguments: '{"a":1}' } },
    ]);
    const messages = [
      ...base.messages,
      message,
      { role: 'tool', tool_call_id: message.tool_calls![0]!.id, content: '2' },
    ];
    expect(
      await api.engine.chat.completions.create({ ...base, messages, tools: [add] } as ChatCompletionRequest),
    ).toBeDefined();
    const strict = { ...add, function: { ...add.function, strict: true } };
    expect(await refusal(api, { tools: [strict] })).toMatchObject({ param: 'tools[0].function.strict' });
    expect(await refusal(api, { tools: [add, add] })).toMatchObject({ param: 'tools[1].function.name' });
    expect(await refusal(api, { tools: [{ type: 'custom', custom: { name: 'x' } }] })).toMatchObject({
      param: 'tools[0].type',
    });
  },
  top_logprobs: async () => {
    const api = await fakeApi({ say: 'ab' });
    const [{ logprobs }] = await choicesOf(api, { logprobs: true, top_logprobs: 3 });
    for (const { token, logprob, top_logprobs } of logprobs!.content) {
      expect(top_logprobs).toHaveLength(3);
      expect(top_logprobs[0]).toMatchObject({ token, logprob });
      const falling = top_logprobs.map((each) => each.logprob);
      expect(falling).toEqual([...falling].sort((a, b) => b - a));
    }
    expect(await refusal(api, { top_logprobs: 3 })).toMatchObject({ param: 'top_logprobs' });
  },
  top_p: async () => {
    const api = await fakeApi();
    await textOf(api, { top_p: 0.25 });
    expect(api.asked.at(-1)!.sampling).toMatchObject({ topP: 0.25 });
    expect(await refusal(api, { top_p: 1.5 })).toMatchObject({ param: 'top_p' });
  },
  user: async () => {
    const api = await fakeApi();
    await textOf(api, { user: 'bob' });
    expect(api.asked.at(-1)).toMatchObject({ client: 'bob' });
    expect(await refusal(api, { user: 5 })).toMatchObject({ param: 'user' });
  },
  verbosity: refuses('verbosity', ['low', 'high'], ['medium']),
  web_search_options: refuses('web_search_options', [{}, { search_context_size: 'low' }]),
};

describe('chat.completions.create', () => {
  it('knows exactly the parameters of the official package', () => {
    expect(exact).toEqual([true, true]);
    expect(Object.keys(LIVE).sort()).toEqual(Object.keys(chatTable).sort());
  });

  it.each(Object.entries(chatTable))('%s is %s', (key) => LIVE[key as ChatKey]());

  const readme = readFileSync('README.md', 'utf8');
  it.skipIf(!readme.includes('`web_search_options`'))("is in README's table as it is (needs the table there)", () => {
    const missing = Object.entries(chatTable).filter(
      ([key, support]) => !readme.includes(`| \`${key}\` | ${support} |`),
    );
    expect(missing).toEqual([]);
  });
});
