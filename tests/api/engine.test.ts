/** The engine's behaviour, in this thread and through a worker alike. */
import { describe, expect, it } from 'vitest';
import type { ChatCompletionChunk, ChatCompletionRequest, Engine, EngineEvent, LoadProgress } from '../../src/index.ts';
import { OutriderError } from '../../src/index.ts';
import type { Sampling } from '../../src/model/runner.ts';
import { createFakeEngine, END, type FakeModel, fakeModel, letters, STOP, says } from '../engine/fake-model.ts';
import type { FakeOptions } from '../engine/fake-runner.ts';
import { createRemoteEngine } from '../worker/fake-worker.ts';

type Create = (
  model: FakeModel,
  options?: { onProgress?: (progress: LoadProgress) => void; signal?: AbortSignal },
) => Promise<Engine>;

const user = (content: string) => ({ role: 'user', content }) as const;
const assistant = (content: string) => ({ role: 'assistant', content }) as const;
const question = { messages: [user('Hi')], temperature: 0, max_tokens: 20 };
/** "<|begin|><|role|>user\nHi<|end|><|role|>assistant\n" */
const PROMPT_TOKENS = 1 + 1 + 5 + 2 + 1 + 1 + 10;
/** Ends after 40 bytes. */
const forty = (hash: number, position: number) => (position === PROMPT_TOKENS + 40 ? END : letters(hash));

async function readAll(stream: AsyncIterable<ChatCompletionChunk>): Promise<ChatCompletionChunk[]> {
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
const textOf = (chunks: ChatCompletionChunk[]) => chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');

describe.each<[string, Create]>([
  ['in this thread', createFakeEngine],
  ['through a worker', createRemoteEngine],
])('an engine %s', (_, create) => {
  const engineWith = async (options: FakeOptions = {}) => {
    const model = fakeModel(options);
    return { engine: await create(model), runner: model.runner };
  };
  const answerOf = async (engine: Engine, request: ChatCompletionRequest) => {
    const { choices, usage } = await engine.chat.completions.create({ ...request, stream: false });
    return { ...choices[0], text: choices[0].message.content!, usage };
  };
  const freshAnswer = async (request: ChatCompletionRequest, options: FakeOptions = {}) =>
    (await answerOf((await engineWith(options)).engine, request)).text;

  it('answers in the shape of a chat completion', async () => {
    const { engine } = await engineWith({ choose: forty });
    const answer = await engine.chat.completions.create({ messages: [user('Hi')], model: 'bytes' });
    expect(answer).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{24}$/),
      object: 'chat.completion',
      created: expect.closeTo(Date.now() / 1000, -1),
      model: 'bytes',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: expect.stringMatching(/^[a-z]{40}$/), refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: PROMPT_TOKENS,
        completion_tokens: 41,
        total_tokens: PROMPT_TOKENS + 41,
        prompt_tokens_details: { cached_tokens: 0 },
        extra: {
          prefill_tokens_per_s: expect.any(Number),
          decode_tokens_per_s: expect.any(Number),
          time_to_first_token_s: expect.any(Number),
          time_per_output_token_s: expect.any(Number),
          e2e_latency_s: expect.any(Number),
        },
      },
    });
  });

  it('streams the same answer in the shape of chunks, with usage only if asked for', async () => {
    const { engine } = await engineWith({ choose: forty });
    const request = { messages: [user('Hi')], seed: 3 };
    const whole = await answerOf(engine, request);
    const chunks = await readAll(await engine.chat.completions.create({ ...request, stream: true }));
    expect(textOf(chunks)).toBe(whole.text);
    const head = { id: chunks[0]!.id, object: 'chat.completion.chunk', created: chunks[0]!.created, model: 'bytes' };
    const piece = (delta: object, reason: string | null) => [
      { index: 0, delta, logprobs: null, finish_reason: reason },
    ];
    expect(chunks[0]).toEqual({ ...head, choices: piece({ role: 'assistant', content: '' }, null) });
    expect(chunks[1]).toEqual({ ...head, choices: piece({ content: whole.text[0] }, null) });
    expect(chunks.at(-1)).toEqual({ ...head, choices: piece({}, 'stop') });

    const options = { stream: true, stream_options: { include_usage: true } } as const;
    const counted = await readAll(await engine.chat.completions.create({ ...request, ...options }));
    expect(counted.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(counted.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 41 } });
  });

  it('stops at max_tokens, at the end of the context, at every end id and before a stop string', async () => {
    const { engine } = await engineWith();
    expect(await answerOf(engine, question)).toMatchObject({
      finish_reason: 'length',
      usage: { completion_tokens: 20 },
    });
    const rest = await answerOf(engine, { messages: question.messages, max_tokens: 10_000 });
    expect(rest).toMatchObject({ finish_reason: 'length', usage: { total_tokens: 512 } });
    const other = (hash: number, position: number) => (position === PROMPT_TOKENS + 5 ? STOP : letters(hash));
    expect(await answerOf((await engineWith({ choose: other })).engine, question)).toMatchObject({
      finish_reason: 'stop',
    });

    const { text } = await answerOf(engine, question);
    const stop = text.slice(6, 9);
    expect(await answerOf(engine, { ...question, stop })).toMatchObject({
      finish_reason: 'stop',
      text: text.slice(0, text.indexOf(stop)),
    });
  });

  it('reuses the KV of the first turn in the second, and of an equal prompt all but the last token', async () => {
    const { engine } = await engineWith({ choose: forty });
    const first = await answerOf(engine, { messages: [user('Hi')], temperature: 0 });
    const messages = [user('Hi'), assistant(first.text), user('More')];
    const second = await answerOf(engine, { messages, temperature: 0, max_tokens: 8 });
    const ran = PROMPT_TOKENS + 40;
    expect(second.usage.prompt_tokens_details.cached_tokens).toBeGreaterThanOrEqual(ran);
    expect(second.text).toBe(await freshAnswer({ messages, temperature: 0, max_tokens: 8 }, { choose: forty }));
    const again = await answerOf(engine, { messages, temperature: 0, max_tokens: 8 });
    expect(again.usage.prompt_tokens_details.cached_tokens).toBe(second.usage.prompt_tokens - 1);
    expect(again.text).toBe(second.text);
  });

  it('stops when the signal fires, with its reason, and answers the next request like a fresh engine', async () => {
    const { engine, runner } = await engineWith();
    const controller = new AbortController();
    const stream = await engine.chat.completions.create(
      { ...question, max_tokens: 200, stream: true },
      { signal: controller.signal },
    );
    let seen = 0;
    const read = async () => {
      for await (const _chunk of stream) if (++seen === 6) controller.abort();
    };
    await expect(read()).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toBe(6);
    expect((await answerOf(engine, question)).text).toBe(await freshAnswer(question));
    expect(runner.steps.length).toBeLessThan(100);
    const waiting = engine.chat.completions.create(question, { signal: controller.signal });
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('stops when the reader leaves the loop, and does not wait for one who never reads', async () => {
    const { engine, runner } = await engineWith();
    const unread = await engine.chat.completions.create({ ...question, stream: true });
    const stream = await engine.chat.completions.create({ ...question, max_tokens: 400, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    const next = await answerOf(engine, { ...question, messages: [user('Else')] });
    expect(next.text).toBe(await freshAnswer({ ...question, messages: [user('Else')] }));
    expect(runner.steps.length).toBeLessThan(120);
    expect(textOf(await readAll(unread))).toBe(await freshAnswer(question));
  });

  it('answers requests one after another', async () => {
    const { engine } = await engineWith();
    const requests = ['a', 'b', 'c', 'd'].map((name) => ({ ...question, messages: [user(name)] }));
    const answers = await Promise.all(requests.map((request) => answerOf(engine, request)));
    const expected = await Promise.all(requests.map((request) => freshAnswer(request)));
    expect(answers.map(({ text }) => text)).toEqual(expected);
  });

  it('lets the request override generation_config.json, and that OpenAI, and keys randomness by the seed', async () => {
    const seen: Sampling[] = [];
    const choose = (hash: number, _position: number, sampling: Sampling) => {
      seen.push(sampling);
      return letters(hash);
    };
    const { engine } = await engineWith({ choose });
    expect(engine.model.defaults).toEqual({ temperature: 0.6, topP: 0.9, topK: 0, minP: 0, repetitionPenalty: 1 });
    await answerOf(engine, { messages: question.messages, max_tokens: 1, top_k: 5, min_p: 0.1 });
    expect(seen.at(-1)).toMatchObject({ temperature: 0.6, topP: 0.9, topK: 5, minP: 0.1 });
    await answerOf(engine, { messages: question.messages, max_tokens: 1, temperature: 2, top_p: 0.5 });
    expect(seen.at(-1)).toMatchObject({ temperature: 2, topP: 0.5, topK: 0, minP: 0 });
    const texts = [];
    for (const seed of [1, 1, 2]) {
      texts.push((await answerOf(engine, { messages: question.messages, max_tokens: 20, seed })).text);
    }
    expect(texts[1]).toBe(texts[0]);
    expect(texts[2]).not.toBe(texts[0]);
  });

  it('never shows a broken character, and U+FFFD only where the answer itself is broken off', async () => {
    const story = 'Ein Dräche 🐉 spuckt 火';
    const { engine } = await engineWith({ choose: says(story, () => PROMPT_TOKENS) });
    const chunks = await readAll(await engine.chat.completions.create({ messages: [user('Hi')], stream: true }));
    expect(chunks.map(({ choices }) => choices[0]!.delta.content).filter(Boolean)).toEqual([...story]);
    const bytesToDragon = new TextEncoder().encode('Ein Dräche ').length;
    const cut = await answerOf(engine, { messages: [user('Hi')], max_tokens: bytesToDragon + 2 });
    expect(cut.text).toBe('Ein Dräche \uFFFD');
  });

  it('reports how far the prompt is read, the experts of every token while someone listens, and downgrades to whoever comes later', async () => {
    const model = fakeModel({ downgrades: ['f16 is missing'] });
    const engine = await create(model);
    const events: EngineEvent[] = [];
    const read: number[] = [];
    const off = engine.on('event', (event) => {
      if (event.type === 'prefill') read.push(event.processed / event.total);
      else if (event.type !== 'stats') events.push(event);
    });
    const { text } = await answerOf(engine, { ...question, max_tokens: 4 });
    await expect.poll(() => events).toHaveLength(5);
    expect(events[0]).toEqual({ type: 'downgrade', message: 'f16 is missing' });
    const experts = [expect.any(Number), expect.any(Number)];
    expect(events.slice(1)).toEqual(
      ['\n', ...text.slice(0, 3)].map((character, index) => ({
        type: 'routing',
        id: character.charCodeAt(0),
        position: PROMPT_TOKENS - 1 + index,
        experts,
        text: character,
      })),
    );
    expect(read.length).toBeGreaterThan(1);
    expect(read).toEqual([...new Set(read)].sort((a, b) => a - b).filter((share) => share > 0 && share <= 1));
    off();
    const count = events.length;
    await answerOf(engine, { ...question, messages: [user('Else')] });
    expect(events).toHaveLength(count);
  });

  it('says what it loaded, and how far it is while loading', async () => {
    const reports: LoadProgress[] = [];
    const engine = await create(fakeModel(), { onProgress: (report) => reports.push(report) });
    expect(engine.model).toMatchObject({
      id: 'bytes',
      contextLength: 512,
      chunk: 32,
      numLocalExperts: 4,
      adapter: { vendor: 'fake', software: true },
      bytes: { weights: 100, kv: 10, activations: 1, total: 111 },
    });
    const shares = reports.map(({ progress }) => progress);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    expect(new Set(reports.map(({ phase }) => phase))).toEqual(new Set(['tokenizer', 'weights', 'pipelines']));
    expect(reports.find(({ loaded }) => loaded === 50)).toMatchObject({ file: 'model.safetensors', total: 100 });
  });

  it('refuses what it cannot do with an OutriderError', async () => {
    const { engine } = await engineWith();
    const refused = async (request: unknown) => {
      const error = await engine.chat.completions.create(request as ChatCompletionRequest).catch((reason) => reason);
      expect(error).toBeInstanceOf(OutriderError);
      return error as OutriderError;
    };
    expect(await refused({ messages: [user('Hi')], temperature: 3 })).toMatchObject({
      code: 'invalid_request',
      details: { param: 'temperature', value: '3', reason: 'invalid_value' },
    });
    expect(await refused({ messages: [user('Hi')], stream: 'yes' })).toMatchObject({ code: 'invalid_request' });
    expect(await refused({ messages: [user('Hi')], stream: true, n: 0 })).toMatchObject({ code: 'invalid_request' });
    expect(await refused({ messages: [user('x'.repeat(600))] })).toMatchObject({
      code: 'context_overflow',
      details: { contextLength: 512 },
    });
    expect((await answerOf(engine, question)).text).toHaveLength(20);
  });

  it('rejects what runs, what waits and what comes later once it is unloaded, and frees the model', async () => {
    const { engine, runner } = await engineWith();
    const stream = await engine.chat.completions.create({ ...question, max_tokens: 400, stream: true });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = engine.chat.completions.create(question);
    const outcomes = Promise.allSettled([readAll(stream), waiting]);
    await engine.unload();
    await engine.unload();
    expect(runner.destroyed).toBe(true);
    const gone = { status: 'rejected', reason: expect.objectContaining({ code: 'engine_unloaded' }) };
    expect(await outcomes).toEqual([gone, gone]);
    await expect(engine.chat.completions.create(question)).rejects.toMatchObject({ code: 'engine_unloaded' });
  });

  it('rejects everything with device_lost once the device is gone, tells listeners, and can still be unloaded', async () => {
    const { engine, runner } = await engineWith();
    const events: EngineEvent[] = [];
    engine.on('event', (event) => event.type === 'device_lost' && events.push(event));
    const running = answerOf(engine, { ...question, max_tokens: 400 });
    const waiting = answerOf(engine, question);
    setTimeout(() => runner.lose(new OutriderError('device_lost', 'The GPU is gone.')), 5);
    await expect(running).rejects.toMatchObject({ code: 'device_lost' });
    await expect(waiting).rejects.toBeInstanceOf(OutriderError);
    await expect(engine.chat.completions.create(question)).rejects.toMatchObject({ code: 'device_lost' });
    await expect
      .poll(() => events)
      .toEqual([{ type: 'device_lost', error: expect.objectContaining({ code: 'device_lost' }) }]);
    expect((events[0] as { error: unknown }).error).toBeInstanceOf(OutriderError);
    await engine.unload();
  });

  it('stops loading when the signal fires', async () => {
    const controller = new AbortController();
    const onProgress = ({ phase }: LoadProgress) => phase === 'weights' && controller.abort();
    await expect(create(fakeModel(), { onProgress, signal: controller.signal })).rejects.toThrow();
    await expect(create(fakeModel(), { signal: controller.signal })).rejects.toThrow();
  });
});
