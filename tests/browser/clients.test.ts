/** The official clients, unmodified, in a page with the real engine in its worker and the embedded model. */
import Ajv from 'ajv';
import type OpenAI from 'openai';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {} from '../clients/page.ts';
import { devSiteUrl, launchChromium, openContext } from './serve.ts';

let browser: Browser;
let page: Page;
const asked: string[] = [];

beforeAll(async () => {
  browser = await launchChromium();
  page = await (await openContext(browser)).newPage();
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => console.error(error));
  await page.goto(`${devSiteUrl}tests/clients/index.html`);
  await page.waitForFunction(() => document.title === 'ready', null, { timeout: 120_000 });
});

afterAll(async () => {
  await browser?.close();
});

const model = 'llama-scoutling';
const words = 'falcon ember willow';
const repeat = {
  model,
  messages: [{ role: 'user' as const, content: `Repeat after me: ${words}` }],
  temperature: 0,
  max_completion_tokens: 40,
};
const story = { ...repeat, messages: [{ role: 'user' as const, content: 'Tell me a story about a dragon' }] };

const functionTool = (name: string, description: string, properties: Record<string, { type: string }>) => ({
  type: 'function' as const,
  function: { name, description, parameters: { type: 'object', properties, required: Object.keys(properties) } },
});
const weather = functionTool('get_weather', 'Get the current weather of a city.', { city: { type: 'string' } });
const sum = functionTool('add', 'Add two numbers.', { a: { type: 'number' }, b: { type: 'number' } });

/** Both numbers are bounded, so that every answer ends. */
const schema = {
  type: 'object',
  properties: {
    animal: { enum: ['cat', 'dog', 'dragon'] },
    legs: { type: 'integer', minimum: 0, maximum: 8 },
    name: { type: 'string', maxLength: 12 },
  },
  required: ['animal', 'legs', 'name'],
  additionalProperties: false,
} as const;
const isValid = new Ajv().compile(schema);

describe('the openai package', () => {
  it('answers whole, in chunks and through its helper, with usage', async () => {
    const { whole, text, usage, helped } = await page.evaluate(async (request) => {
      const { openai } = clients;
      const whole = await openai.chat.completions.create(request);
      const stream = await openai.chat.completions.create({
        ...request,
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = '';
      let usage: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        usage = chunk.usage;
      }
      const helped = await openai.chat.completions.stream(request).finalContent();
      return { whole, text, usage, helped };
    }, repeat);
    expect(whole.choices[0]).toMatchObject({ finish_reason: 'stop', message: { role: 'assistant', content: words } });
    expect([text, helped]).toEqual([words, words]);
    expect(whole.usage).toMatchObject({ prompt_tokens: 21, completion_tokens: 8, total_tokens: 29 });
    expect(usage).toMatchObject({ prompt_tokens: 21, completion_tokens: 8 });
  });

  it('lists the model, continues texts, and gives log-probabilities that say the answer', async () => {
    const { ids, completion, logprobs } = await page.evaluate(async (request) => {
      const { openai } = clients;
      const ids = [];
      for await (const { id } of openai.models.list()) ids.push(id);
      const prompt = { model: request.model, prompt: 'Once upon a', max_tokens: 3, temperature: 0 };
      const completion = await openai.completions.create(prompt);
      const whole = await openai.chat.completions.create({ ...request, logprobs: true, top_logprobs: 3 });
      return { ids, completion, logprobs: whole.choices[0]!.logprobs!.content! };
    }, repeat);
    expect(ids).toEqual([model]);
    expect(completion.choices[0]).toMatchObject({ finish_reason: 'length', text: expect.stringMatching(/^ time/) });
    expect(logprobs.map(({ token }) => token).join('')).toMatch(new RegExp(`^${words}`));
    for (const { token, logprob, top_logprobs: top } of logprobs) {
      expect(top.map((other) => other.logprob)).toEqual(top.map((other) => other.logprob).sort((a, b) => b - a));
      expect(top[0]).toMatchObject({ token, logprob }); // greedy
      expect(logprob).toBeLessThanOrEqual(0);
    }
  });

  // The model's other two tools have arguments of the same types; tests/api/scoutling.gpu.test.ts asks for all four.
  it.each([
    ['What is the weather in Paris?', weather, { city: 'Paris' }, 'sunny, 21 degrees', /Paris.*sunny/],
    ['What is 12 plus 30?', sum, { a: 12, b: 30 }, '42', /42/],
  ])('takes "%s" through a trained tool and back', async (content, tool, args, result, answer) => {
    const { called, final } = await page.evaluate(
      async ({ content, tool, result, base }) => {
        const { completions } = clients.openai.chat;
        const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content }];
        const request = { ...base, messages, tools: [tool] };
        const called = (await completions.create(request)).choices[0]!;
        const { id } = called.message.tool_calls![0]!;
        messages.push(called.message, { role: 'tool', tool_call_id: id, content: result });
        const final = (await completions.stream(request).finalChatCompletion()).choices[0]!;
        return { called, final };
      },
      { content, tool, result, base: repeat },
    );
    expect(called.finish_reason).toBe('tool_calls');
    const [call, ...more] = called.message.tool_calls!;
    expect([call?.type === 'function' && call.function.name, more]).toEqual([tool.function.name, []]);
    expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual(args);
    expect(final.finish_reason).toBe('stop');
    expect(final.message.content).toMatch(answer);
  });

  it('gets the call of a trained tool in chunks', async () => {
    const { kinds, message } = await page.evaluate(
      async ({ tool, base }) => {
        const messages = [{ role: 'user' as const, content: 'What is the weather in Paris?' }];
        const stream = clients.openai.chat.completions.stream({ ...base, messages, tools: [tool] });
        const kinds: string[] = [];
        for await (const { choices } of stream) kinds.push(Object.keys(choices[0]?.delta ?? {}).join());
        return { kinds, message: (await stream.finalChatCompletion()).choices[0]!.message };
      },
      { tool: weather, base: repeat },
    );
    expect(kinds.filter((kind) => kind === 'tool_calls').length).toBeGreaterThan(1);
    const [call] = message.tool_calls!;
    expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual({ city: 'Paris' });
  });

  it('calls a tool that the model has never seen where it must, with arguments that obey the schema', async () => {
    const parameters = { ...schema, additionalProperties: false };
    const { message, finish_reason: reason } = await page.evaluate(
      async ({ parameters, base }) => {
        const tools = [
          { type: 'function' as const, function: { name: 'adopt_pet', description: 'Adopts.', parameters } },
        ];
        const request = { ...base, tools, tool_choice: 'required' as const, max_completion_tokens: 80 };
        return (await clients.openai.chat.completions.create(request)).choices[0]!;
      },
      { parameters, base: story },
    );
    expect(reason).toBe('tool_calls');
    const [call] = message.tool_calls!;
    expect(call?.type === 'function' && call.function.name).toBe('adopt_pet');
    expect(isValid(call?.type === 'function' && JSON.parse(call.function.arguments))).toBe(true);
  });

  it('answers in JSON that obeys a schema, whole and parsed by its helper', async () => {
    const { content, parsed } = await page.evaluate(
      async ({ schema, base }) => {
        const format = { type: 'json_schema' as const, json_schema: { name: 'pet', schema, strict: true } };
        const request = { ...base, response_format: format, max_completion_tokens: 80 };
        const whole = await clients.openai.chat.completions.create(request);
        const parsed = await clients.openai.chat.completions.parse(request);
        return { content: whole.choices[0]!.message.content!, parsed: parsed.choices[0]!.message.parsed };
      },
      { schema, base: story },
    );
    expect(isValid(JSON.parse(content))).toBe(true);
    expect(parsed).toEqual(JSON.parse(content));
  });

  it('throws typed errors after one request each', async () => {
    const { errors, requests } = await page.evaluate(async (request) => {
      const { OpenAI, counting } = clients;
      const bad = [
        { temperature: 7 },
        { frobnicate: 1 },
        { model: 'gpt-4' },
        { messages: [{ role: 'user' as const, content: 'story '.repeat(2000) }] },
        { messages: [{ role: 'user' as const, content: 'story '.repeat(2000) }], stream: true as const },
      ];
      const errors = [];
      for (const fields of bad) {
        const error = await counting.chat.completions.create({ ...request, ...fields }).catch((reason) => reason);
        const isTyped = error instanceof OpenAI.BadRequestError || error instanceof OpenAI.NotFoundError;
        errors.push([isTyped, error.status, error.param ?? null, error.code]);
      }
      return { errors, requests: clients.requests() };
    }, repeat);
    expect(errors).toEqual([
      [true, 400, 'temperature', 'invalid_value'],
      [true, 400, 'frobnicate', 'unknown_parameter'],
      [true, 404, 'model', 'model_not_found'],
      [true, 400, null, 'context_length_exceeded'],
      [true, 400, null, 'context_length_exceeded'],
    ]);
    expect(requests).toBe(errors.length);
  });

  it('stops by signal, and in the middle of a stream; the next answer is undisturbed', async () => {
    const outcome = await page.evaluate(
      async ({ story, repeat }) => {
        const { OpenAI, openai } = clients;
        const long = { ...story, max_completion_tokens: 900 };
        const controller = new AbortController();
        const whole = openai.chat.completions.create(long, { signal: controller.signal });
        setTimeout(() => controller.abort(), 100);
        const isAborted = await whole.catch((error) => error instanceof OpenAI.APIUserAbortError);
        const stream = await openai.chat.completions.create({ ...long, stream: true });
        let seen = 0;
        for await (const _chunk of stream) if (++seen === 5) stream.controller.abort();
        const { choices } = await openai.chat.completions.create(repeat);
        return { isAborted, seen, next: choices[0]!.message.content };
      },
      { story, repeat },
    );
    expect(outcome).toMatchObject({ isAborted: true, next: words });
    expect(outcome.seen).toBeLessThan(100);
  });
});

describe('the AI SDK', () => {
  const prompt = repeat.messages[0]!.content;

  it('generates and streams text, with usage', async () => {
    const { whole, streamed, usage } = await page.evaluate(async (prompt) => {
      const { ai, model } = clients;
      const whole = await ai.generateText({ model, prompt, temperature: 0 });
      const stream = ai.streamText({ model, prompt, temperature: 0 });
      let streamed = '';
      for await (const piece of stream.textStream) streamed += piece;
      return { whole: { text: whole.text, reason: whole.finishReason }, streamed, usage: await stream.usage };
    }, prompt);
    expect([whole, streamed]).toEqual([{ text: words, reason: 'stop' }, words]);
    expect(usage).toMatchObject({ inputTokens: 21, outputTokens: 8 });
  });

  it('calls a tool and answers with its result', async () => {
    const { text, inputs } = await page.evaluate(async ({ function: { description, parameters } }) => {
      const { ai, model } = clients;
      const inputs: unknown[] = [];
      const get_weather = ai.tool({
        description,
        inputSchema: ai.jsonSchema(parameters as object),
        execute: async (input) => {
          inputs.push(input);
          return 'sunny, 21 degrees';
        },
      });
      const request = { model, prompt: 'What is the weather in Paris?', temperature: 0, tools: { get_weather } };
      const { text } = await ai.generateText({ ...request, stopWhen: ai.stepCountIs(3) });
      return { text, inputs };
    }, weather);
    expect(inputs).toEqual([{ city: 'Paris' }]);
    expect(text).toMatch(/Paris.*sunny/);
  });

  it('generates objects that obey a schema', async () => {
    const object = await page.evaluate(async (schema) => {
      const { ai, model } = clients;
      const request = { model, prompt: 'Invent a pet.', temperature: 0, maxOutputTokens: 80 };
      return (await ai.generateObject({ ...request, schema: ai.jsonSchema(schema as object) })).object;
    }, schema);
    expect(isValid(object)).toBe(true);
  });

  it('throws what the engine says, and stops by its signal', async () => {
    const { refused, aborted, next } = await page.evaluate(async (prompt) => {
      const { ai, model } = clients;
      const refused = await ai.generateText({ model, prompt, temperature: 7 }).catch((error) => ({
        isCallError: ai.APICallError.isInstance(error),
        status: error.statusCode,
        param: error.data.error.param,
      }));
      const controller = new AbortController();
      const long = { model, prompt: 'Tell me a story about a dragon', abortSignal: controller.signal };
      let aborted = '';
      const onAbort = () => {
        aborted = 'aborted';
      };
      const stream = ai.streamText({ ...long, onAbort });
      for await (const _piece of stream.textStream) controller.abort();
      const next = (await ai.generateText({ model, prompt, temperature: 0 })).text;
      return { refused, aborted, next };
    }, prompt);
    expect(refused).toEqual({ isCallError: true, status: 400, param: 'temperature' });
    expect([aborted, next]).toEqual(['aborted', words]);
  });
});

describe('the Prompt API', () => {
  it('prompts, streams and calls tools', async () => {
    const { whole, streamed, usage, answer } = await page.evaluate(async (prompt) => {
      const { LanguageModel } = clients;
      const session = await LanguageModel.create({ samplingMode: 'most-predictable' });
      const whole = await session.prompt(prompt);
      const clone = await (await LanguageModel.create({ samplingMode: 'most-predictable' })).clone();
      let streamed = '';
      const reader = clone.promptStreaming(prompt).getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) streamed += piece.value;
      const inputSchema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
      const weather = { name: 'get_weather', description: 'Get the current weather of a city.', inputSchema };
      const tools = [{ ...weather, execute: async () => 'sunny, 21 degrees' }];
      const caller = await LanguageModel.create({ samplingMode: 'most-predictable', tools });
      return {
        whole,
        streamed,
        usage: session.contextUsage,
        answer: await caller.prompt('What is the weather in Paris?'),
      };
    }, repeat.messages[0]!.content);
    expect([whole, streamed, usage]).toEqual([words, words, 29]);
    expect(answer).toMatch(/Paris.*sunny/);
  });

  it('keeps answers within a JSON schema or a regular expression', async () => {
    const { json, word } = await page.evaluate(async (schema) => {
      const session = await clients.LanguageModel.create({ samplingMode: 'most-predictable' });
      const constrain = (responseConstraint: object) => ({ responseConstraint, omitResponseConstraintInput: true });
      const json = await session.prompt('Invent a pet.', constrain(schema));
      return { json, word: await session.prompt('Is it a cat?', constrain(/^(yes|no)$/)) };
    }, schema);
    expect(isValid(JSON.parse(json))).toBe(true);
    expect(word).toMatch(/^(yes|no)$/);
  });
});

it('no request has left the page for the server that the clients believe in', () => {
  expect(asked.filter((url) => url.includes('outrider/v1'))).toEqual([]);
});
