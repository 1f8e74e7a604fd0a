/** The official `openai` package over `engine.fetch`, unmodified. With the real model: tests/browser/clients.test.ts. */
import OpenAI from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { createFakeEngine, END, fakeModel, letters } from '../engine/fake-model.ts';
import type { FakeOptions } from '../engine/fake-runner.ts';

const question = {
  model: 'bytes',
  messages: [{ role: 'user' as const, content: 'Hi' }],
  temperature: 0,
  max_completion_tokens: 12,
};

async function connect(options: FakeOptions = {}) {
  const model = fakeModel(options);
  const engine = await createFakeEngine(model);
  const fetch = vi.fn(engine.fetch);
  return {
    engine,
    runner: model.runner,
    fetch,
    client: new OpenAI({ baseURL: 'http://outrider/v1', apiKey: 'local', fetch }),
  };
}

describe('the openai client', () => {
  it('gets the same answer whole, in chunks and through its helper, with usage', async () => {
    const { client } = await connect();
    const whole = await client.chat.completions.create(question);
    expect(whole.choices[0]!.message.content).toMatch(/^[a-z]{12}$/);
    expect(whole.choices[0]!.finish_reason).toBe('length');
    const stream = await client.chat.completions.create({
      ...question,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage;
    }
    expect(text).toBe(whole.choices[0]!.message.content);
    expect(usage).toMatchObject({ completion_tokens: 12, prompt_tokens: whole.usage!.prompt_tokens });
    const helper = client.chat.completions.stream({ ...question, stream_options: { include_usage: true } });
    const final = await helper.finalChatCompletion();
    expect(final.choices[0]!.message.content).toBe(text);
    expect(final.usage?.total_tokens).toBe(whole.usage!.total_tokens);
  });

  it('gets several choices, log-probabilities and text completions', async () => {
    const { client } = await connect({ vocabSize: 260, choose: letters });
    const { choices } = await client.chat.completions.create({
      ...question,
      temperature: 1,
      seed: 5,
      n: 3,
      logprobs: true,
      top_logprobs: 2,
    });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    for (const { logprobs } of choices) {
      expect(logprobs!.content).toHaveLength(12);
      for (const { logprob, bytes, top_logprobs: top } of logprobs!.content!) {
        expect(logprob).toBeLessThanOrEqual(0);
        expect([bytes!.length, top.length]).toEqual([1, 2]);
      }
    }
    const completion = await client.completions.create({
      model: 'bytes',
      prompt: 'Once',
      max_tokens: 5,
      temperature: 0,
    });
    expect(completion.choices[0]!.text).toMatch(/^[a-z]{5}$/);
  });

  it('lists the model', async () => {
    const { client } = await connect();
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toEqual(['bytes']);
    expect(await client.models.retrieve('bytes')).toMatchObject({ object: 'model', id: 'bytes' });
    await expect(client.models.retrieve('gpt-4')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it.each<[string, object, new (...args: never[]) => Error, object]>([
    [
      'a value out of range',
      { temperature: 7 },
      OpenAI.BadRequestError,
      { param: 'temperature', code: 'invalid_value' },
    ],
    [
      'what is not computed',
      { modalities: ['audio'] },
      OpenAI.BadRequestError,
      { param: 'modalities', code: 'unsupported_value' },
    ],
    ['an unknown field', { frobnicate: 1 }, OpenAI.BadRequestError, { param: 'frobnicate', code: 'unknown_parameter' }],
    ['another model', { model: 'gpt-4' }, OpenAI.NotFoundError, { param: 'model', code: 'model_not_found' }],
    [
      'too long a conversation',
      { messages: [{ role: 'user', content: 'x'.repeat(600) }] },
      OpenAI.BadRequestError,
      { code: 'context_length_exceeded' },
    ],
  ])('throws its typed error for %s, streamed or not, without trying again', async (_, fields, type, expected) => {
    const { client, fetch } = await connect();
    for (const stream of [false, true]) {
      const error = await client.chat.completions.create({ ...question, ...fields, stream }).catch((reason) => reason);
      expect(error).toBeInstanceOf(type);
      expect(error).toMatchObject({ type: 'invalid_request_error', ...expected });
    }
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it('throws for a server’s error once, and for one in the middle of a stream what the event says', async () => {
    const { client, engine, runner, fetch } = await connect();
    const stream = await client.chat.completions.create({ ...question, max_completion_tokens: 100, stream: true });
    runner.failNext = new Error('The step failed.');
    const read = async () => {
      for await (const _chunk of stream);
    };
    const broken = await read().catch((reason) => reason);
    expect(broken).toBeInstanceOf(OpenAI.APIError);
    expect(broken).toMatchObject({ status: undefined, type: 'server_error' });
    expect(broken.message).toContain('The step failed.');
    await engine.unload();
    await expect(client.chat.completions.create(question)).rejects.toMatchObject({
      status: 503,
      code: 'engine_unloaded',
    });
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it('stops the generation by its signal, its controller, its helper’s abort and by leaving the loop', async () => {
    const { client, runner, fetch } = await connect();
    const long = { ...question, max_completion_tokens: 450 };
    const reference = (await client.chat.completions.create(question)).choices[0]!.message.content;
    const stops: (() => Promise<void>)[] = [
      async () => {
        const controller = new AbortController();
        const answer = client.chat.completions.create(long, { signal: controller.signal });
        setTimeout(() => controller.abort(), 2);
        await expect(answer).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
      },
      async () => {
        const stream = await client.chat.completions.create({ ...long, stream: true });
        let seen = 0;
        for await (const _chunk of stream) if (++seen === 5) stream.controller.abort();
        expect(seen).toBeLessThan(400);
      },
      async () => {
        const stream = client.chat.completions.stream(long);
        stream.on('chunk', () => stream.abort());
        await expect(stream.done()).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
      },
      async () => {
        for await (const _chunk of await client.chat.completions.create({ ...long, stream: true })) break;
      },
    ];
    for (const stop of stops) {
      const before = runner.steps.length;
      await stop();
      expect((await client.chat.completions.create(question)).choices[0]!.message.content).toBe(reference);
      expect(runner.steps.length - before).toBeLessThan(300);
    }
    expect(fetch).toHaveBeenCalledTimes(1 + 2 * stops.length);
  });

  it('runs tools until there is an answer', async () => {
    const scripts = ['[add(a=1, b=2), add(a=3, b=4)]', 'Three and seven.'];
    let [text, at] = ['', 0];
    const { client, fetch, engine } = await connect({ choose: () => new TextEncoder().encode(text)[at++] ?? END });
    fetch.mockImplementation((...request) => {
      [text, at] = [scripts.shift()!, 0];
      return engine.fetch(...request);
    });
    const add = vi.fn(({ a, b }: { a: number; b: number }) => String(a + b));
    const parameters = { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } };
    const runner = client.chat.completions.runTools({
      ...question,
      max_completion_tokens: 60,
      stream: true,
      tools: [
        {
          type: 'function',
          function: { name: 'add', description: 'Adds.', parameters, parse: JSON.parse, function: add },
        },
      ],
    });
    expect(await runner.finalContent()).toBe('Three and seven.');
    expect(add.mock.calls.map(([sum]) => sum)).toEqual([
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ]);
    expect(runner.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool', 'assistant']);
  });
});
