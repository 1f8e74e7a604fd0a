/** The AI SDK with `@ai-sdk/openai-compatible` over `engine.fetch`, unmodified. With the real model: tests/browser/clients.test.ts. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { describe, expect, it, vi } from 'vitest';
import { createFakeEngine, END, fakeModel } from '../engine/fake-model.ts';
import type { FakeOptions } from '../engine/fake-runner.ts';

async function connect(options: FakeOptions = {}) {
  const model = fakeModel(options);
  const engine = await createFakeEngine(model);
  const fetch = vi.fn(engine.fetch);
  const provider = createOpenAICompatible({
    name: 'outrider',
    baseURL: 'http://outrider/v1',
    fetch,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
  return { engine, runner: model.runner, fetch, model: provider('bytes'), provider };
}

const brief = { prompt: 'Hi', temperature: 0, maxOutputTokens: 12 };

describe('the AI SDK', () => {
  it('gets the same answer whole and streamed, with usage and why it ended', async () => {
    const { model } = await connect();
    const whole = await generateText({ model, ...brief });
    expect(whole.text).toMatch(/^[a-z]{12}$/);
    expect([whole.finishReason, whole.usage.outputTokens]).toEqual(['length', 12]);
    const streamed = streamText({ model, ...brief });
    let text = '';
    for await (const piece of streamed.textStream) text += piece;
    expect(text).toBe(whole.text);
    expect(await streamed.usage).toMatchObject({ outputTokens: 12, inputTokens: whole.usage.inputTokens });
  });

  it('continues texts', async () => {
    const { provider } = await connect();
    const { text } = await generateText({ model: provider.completionModel('bytes'), ...brief });
    expect(text).toMatch(/^[a-z]{12}$/);
  });

  it('throws its error with what the engine said, without trying a refused request again', async () => {
    const { model, fetch } = await connect();
    const error = await generateText({ model, ...brief, temperature: 7 }).catch((reason) => reason);
    expect(APICallError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ statusCode: 400, isRetryable: false, data: { error: { param: 'temperature' } } });
    expect(fetch).toHaveBeenCalledTimes(1);
    const onError = vi.fn();
    await streamText({ model, ...brief, temperature: 7, onError }).consumeStream();
    expect(onError).toHaveBeenCalledWith({ error: expect.objectContaining({ statusCode: 400 }) });
  });

  it('tells of an error in the middle of a stream', async () => {
    const { model, runner } = await connect();
    const onError = vi.fn();
    const streamed = streamText({ model, ...brief, maxOutputTokens: 100, onError });
    for await (const _piece of streamed.textStream) runner.failNext ??= new Error('The step failed.');
    expect(onError).toHaveBeenCalledTimes(1);
    expect(JSON.stringify(onError.mock.calls[0]![0].error) + String(onError.mock.calls[0]![0].error)).toContain(
      'The step failed.',
    );
  });

  it('stops the generation by its signal', async () => {
    const { model, runner } = await connect();
    const controller = new AbortController();
    const whole = generateText({ model, ...brief, maxOutputTokens: 450, abortSignal: controller.signal });
    setTimeout(() => controller.abort(), 2);
    await expect(whole).rejects.toMatchObject({ name: 'AbortError' });
    const another = new AbortController();
    const onAbort = vi.fn();
    const streamed = streamText({ model, ...brief, maxOutputTokens: 450, abortSignal: another.signal, onAbort });
    for await (const _piece of streamed.textStream) another.abort();
    expect(onAbort).toHaveBeenCalledTimes(1);
    await generateText({ model, ...brief });
    expect(runner.steps.length).toBeLessThan(600);
  });

  it('runs tools until there is an answer', async () => {
    const scripts = ['[add(a=1, b=2)]', 'Three.'];
    let [text, at] = ['', 0];
    const { model, fetch, engine } = await connect({ choose: () => new TextEncoder().encode(text)[at++] ?? END });
    fetch.mockImplementation((...request) => {
      [text, at] = [scripts.shift()!, 0];
      return engine.fetch(...request);
    });
    const execute = vi.fn(async ({ a, b }: { a: number; b: number }) => a + b);
    const inputSchema = jsonSchema<{ a: number; b: number }>({
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number' } },
      required: ['a', 'b'],
    });
    const result = await generateText({
      model,
      ...brief,
      maxOutputTokens: 60,
      tools: { add: tool({ description: 'Adds.', inputSchema, execute }) },
      stopWhen: stepCountIs(3),
    });
    expect(execute.mock.calls.map(([sum]) => sum)).toEqual([{ a: 1, b: 2 }]);
    expect([result.text, result.steps.length]).toEqual(['Three.', 2]);
  });
});
