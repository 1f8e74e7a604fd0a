/** What compiles here shows that one can swap the official package's client for an engine and back; it runs too. */
import type OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  ChatMessage,
  Engine,
  Model,
  TextCompletion,
  TextCompletionRequest,
} from '../../src/index.ts';
import { fakeApi, readAll } from './fake-api.ts';

type Chat = OpenAI.Chat.Completions.ChatCompletionCreateParams;

/** Requests for the official client are requests for an engine. */
const toRequest = (request: Chat): ChatCompletionRequest => request;
const toTextRequest = (request: OpenAI.Completions.CompletionCreateParams): TextCompletionRequest => request;
const toMessage = (message: OpenAI.Chat.Completions.ChatCompletionMessageParam): ChatMessage => message;
/** Answers of an engine are answers of the official client. */
const toCompletion = (answer: ChatCompletion): OpenAI.Chat.Completions.ChatCompletion => answer;
const toChunk = (chunk: ChatCompletionChunk): OpenAI.Chat.Completions.ChatCompletionChunk => chunk;
const toText = (answer: TextCompletion): OpenAI.Completions.Completion => answer;
const toModel = (model: Model): OpenAI.Models.Model => model;

/** A helper that was written for the official package's types. */
async function ask(
  create: (request: OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming) => Promise<OpenAI.ChatCompletion>,
  messages: OpenAI.ChatCompletionMessageParam[],
): Promise<OpenAI.ChatCompletionMessageParam[]> {
  const { choices } = await create({ model: 'bytes', messages, temperature: 0, max_tokens: 4 });
  return [...messages, choices[0]!.message];
}

describe('the types', () => {
  it('are those of the official package, so that code for it runs over an engine', async () => {
    const { engine } = await fakeApi();
    const completions: Engine['chat']['completions'] = engine.chat.completions;
    const first = await ask((request) => completions.create(request), [{ role: 'user', content: 'Hi' }]);
    const second = await ask((request) => completions.create(request), [...first, { role: 'user', content: 'More' }]);
    expect(second.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    const answer = await completions.create({ messages: second.map(toMessage), max_tokens: 4 });
    const again: ChatMessage = answer.choices[0].message;
    expect(toCompletion(answer).choices[0]!.message).toBe(again);
    const chunks = await readAll(
      await completions.create({ messages: second.map(toMessage), max_tokens: 4, stream: true }),
    );
    expect(chunks.map(toChunk)).toHaveLength(6);
    const text = await engine.completions.create({ prompt: 'Hi', max_tokens: 4 });
    expect(toText(text).choices[0]!.text).toHaveLength(4);
    expect((await engine.models.list()).data.map(toModel)).toEqual([await engine.models.retrieve('bytes')]);
    expect([toRequest, toTextRequest].map((convert) => typeof convert)).toEqual(['function', 'function']);
  });

  it('of a stream are those that users know: a controller that ends it, and a loop that may be left', async () => {
    const { engine } = await fakeApi();
    const request = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 300, stream: true } as const;
    const stream: AsyncIterable<OpenAI.ChatCompletionChunk> & { controller: AbortController } =
      await engine.chat.completions.create(request);
    let seen = 0;
    for await (const _chunk of stream) if (++seen === 5) stream.controller.abort();
    expect(seen).toBe(5);
    const left = await engine.chat.completions.create(request);
    for await (const _chunk of left) break;
    expect(left.controller.signal.aborted).toBe(true);
    expect(await left.next()).toEqual({ done: true, value: undefined });
  });
});
