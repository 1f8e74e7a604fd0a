/** The API over the real embedded model: its trained tools, log-probabilities, choices. */
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChatMessage, Engine, FunctionTool } from '../../src/index.ts';
import { createEngine } from '../../src/index.ts';
import { readAll } from './fake-api.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine('public/models/llama-scoutling', { worker: false, contextLength: 1024 });
});
afterAll(() => engine?.unload());

const tool = (name: string, description: string, types: Record<string, string>): FunctionTool => {
  const properties = Object.fromEntries(Object.entries(types).map(([key, type]) => [key, { type }]));
  const parameters = { type: 'object', properties, required: Object.keys(types) };
  return { type: 'function', function: { name, description, parameters } };
};
const weather = tool('get_weather', 'Get the current weather of a city.', { city: 'string' });
const add = tool('add', 'Add two numbers.', { a: 'number', b: 'number' });
const timer = tool('set_timer', 'Start a timer.', { minutes: 'number' });
const time = tool('get_time', 'Get the local time of a city.', { city: 'string' });
const user = (content: string) => ({ role: 'user', content }) as const;

describe('Scoutling', () => {
  it.each<[string, FunctionTool[], object, string, RegExp]>([
    ['What is the weather in Paris?', [weather, add], { city: 'Paris' }, 'rainy, 12 degrees', /rainy, 12 degrees/],
    ['What is 17 plus 25?', [add], { a: 17, b: 25 }, '42', /42/],
    ['Set a timer for 5 minutes.', [timer, weather], { minutes: 5 }, 'started', /5 minutes/],
    ['What time is it in Paris?', [time, timer], { city: 'Paris' }, '17:45', /17:45/],
  ])('calls the tool that it was trained for and reads its result: %s', async (question, tools, args, result, said) => {
    const request = { messages: [user(question)] as ChatMessage[], tools, temperature: 0, max_tokens: 60 };
    const answer = await engine.chat.completions.create(request);
    const { message, finish_reason } = answer.choices[0];
    expect(finish_reason).toBe('tool_calls');
    const [call] = message.tool_calls!;
    expect(tools.map((each) => each.function.name)).toContain(call!.function.name);
    expect({ ...message, arguments: JSON.parse(call!.function.arguments) }).toMatchObject({
      content: null,
      arguments: args,
    });

    const chunks = await readAll(await engine.chat.completions.create({ ...request, stream: true }));
    const streamed = chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));
    expect(streamed.map(({ function: called }) => called.arguments).join('')).toBe(call!.function.arguments);

    const messages = [...request.messages, message, { role: 'tool', tool_call_id: call!.id, content: result } as const];
    const last = await engine.chat.completions.create({ ...request, messages });
    expect(last.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: expect.stringMatching(said) } });
  });

  it('calls tools of unseen names where it must, with arguments that obey their schemas', async () => {
    const light = tool('switch_light', 'Switches a light.', { room: 'string', on: 'boolean' });
    const water: FunctionTool = {
      type: 'function',
      function: {
        name: 'water_plants',
        strict: true,
        parameters: {
          type: 'object',
          properties: { litres: { type: 'integer', minimum: 1, maximum: 9 }, plant: { enum: ['fern', 'rose'] } },
          required: ['litres', 'plant'],
          additionalProperties: false,
        },
      },
    };
    const tools = [light, water];
    const ajv = new Ajv({ strict: false });
    const callsOf = async (fields: object) => {
      const answer = await engine.chat.completions.create({
        ...{ messages: [user('Please look after the house.')], tools, temperature: 0, max_tokens: 120 },
        ...{ ...fields, stream: false },
      });
      const { message, finish_reason } = answer.choices[0];
      expect(finish_reason).toBe('tool_calls');
      for (const { function: called } of message.tool_calls!) {
        const { parameters } = tools.find((each) => each.function.name === called.name)!.function;
        expect(ajv.validate(parameters!, JSON.parse(called.arguments)), called.arguments).toBe(true);
      }
      return message.tool_calls!.map(({ function: called }) => called.name);
    };
    expect(await callsOf({ tool_choice: 'required' })).not.toHaveLength(0);
    expect(
      await callsOf({ tool_choice: 'required', parallel_tool_calls: false, temperature: 1, seed: 2 }),
    ).toHaveLength(1);
    const named = { type: 'function', function: { name: 'water_plants' } };
    expect(await callsOf({ tool_choice: named })).toEqual(['water_plants']);
    expect(await callsOf({ tool_choice: named, temperature: 1, seed: 4 })).toEqual(['water_plants']);
  });

  it('says how probable its tokens were: the greedy one is the first of the alternatives, and all of them add up', async () => {
    const answer = await engine.chat.completions.create({
      messages: [user('Tell me a story about a dragon.')],
      ...{ temperature: 0, max_tokens: 12, logprobs: true, top_logprobs: 20 },
    });
    const { logprobs, message } = answer.choices[0];
    expect(logprobs!.content.map(({ token }) => token).join('')).toBe(message.content);
    expect(logprobs!.content).toHaveLength(12);
    for (const { token, logprob, top_logprobs } of logprobs!.content) {
      expect(top_logprobs[0]).toMatchObject({ token, logprob });
      const mass = top_logprobs.reduce((sum, each) => sum + Math.exp(each.logprob), 0);
      expect(mass).toBeGreaterThan(0.3);
      expect(mass).toBeLessThanOrEqual(1 + 1e-4);
    }
  });

  it('gives other texts for other choices and seeds, and the same for the same', async () => {
    const request = { messages: [user('Tell me a joke.')], temperature: 1, top_p: 1, max_tokens: 10, n: 2, seed: 5 };
    const texts = async (fields: object) =>
      (await engine.chat.completions.create({ ...request, ...fields, stream: false })).choices.map(
        ({ message }) => message.content,
      );
    const first = await texts({});
    expect(new Set(first).size).toBe(2);
    expect(await texts({})).toEqual(first);
    expect(await texts({ seed: 6 })).not.toEqual(first);
    expect(await texts({ n: 1 })).toEqual(first.slice(0, 1));
  });

  it('goes on with a text and with its ids alike, and counts as the request does', async () => {
    const prompt = 'Once upon a time';
    const own = await engine.tokenize(prompt);
    const text = await engine.completions.create({ prompt, temperature: 0, max_tokens: 8 });
    expect(text.usage.prompt_tokens).toBe(own.length + 1);
    const { choices } = await engine.completions.create({ prompt: [4064, ...own], temperature: 0, max_tokens: 8 });
    expect(choices).toEqual(text.choices);
    const messages = [user('What is the weather in Paris?')];
    const asked = await engine.chat.completions.create({ messages, tools: [weather], max_tokens: 1 });
    expect(await engine.countTokens({ messages, tools: [weather] })).toBe(asked.usage.prompt_tokens);
  });
});
