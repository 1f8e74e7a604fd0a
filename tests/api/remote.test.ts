/** Answers that go on elsewhere, at a small conforming server of our own; a real one that others wrote is in tests/remote. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/api/engine.ts';
import { engineWithFallback } from '../../src/api/remote/open.ts';
import type { FallbackOptions } from '../../src/api/remote/options.ts';
import { readEvents } from '../../src/api/remote/sse.ts';
import type { ChatCompletionChunk, ChatCompletionRequest } from '../../src/api/types.ts';
import type { EngineEvent } from '../../src/engine/events.ts';
import { type ErrorCode, OutriderError } from '../../src/errors.ts';
import { createFakeTextEngine, END, fakeModel } from '../engine/fake-model.ts';
import { type ConformingServer, MODEL, type ServerOptions, sendError, startServer } from '../remote/server.ts';
import { readAll } from './fake-api.ts';

const STORY = 'Once upon a time a dragon learned to knit, and winter came.';
const KEY = 'sk-very-secret';
const HEADER = '<|role|>assistant\n';
const lost = () => new OutriderError('device_lost', 'The GPU device was lost.');
const user = (content: string) => ({ role: 'user', content }) as const;
const ask = { messages: [user('Hi')], temperature: 0, max_tokens: 100 };
const rendered = `<|begin|><|role|>user\nHi<|end|>${HEADER}`;
const PROMPT_TOKENS = 21;

let server: ConformingServer;
let engine: Engine;
afterEach(async () => {
  await engine?.unload();
  await server?.close();
});

interface Setting extends Partial<ServerOptions> {
  /** What the model here says. */
  readonly says?: string;
  readonly promptTokens?: number;
  /** The device is lost when this id of an answer is being chosen. */
  readonly loseAt?: number;
  readonly fallback?: Partial<FallbackOptions>;
  /** Loading fails with it. */
  readonly cannotLoad?: OutriderError;
}

/** An engine that tells the same story as the server; `lose` is its GPU's end. */
async function open({
  says = STORY,
  promptTokens = PROMPT_TOKENS,
  loseAt,
  fallback,
  cannotLoad,
  ...options
}: Setting = {}) {
  server = await startServer({ story: STORY, header: HEADER, apiKey: KEY, ...options });
  const bytes = new TextEncoder().encode(says);
  const choose = (_: number, position: number) => {
    if (position - promptTokens === loseAt) model.runner.lose(lost());
    return bytes[position - promptTokens] ?? END;
  };
  const model = fakeModel({ vocabSize: 260, choose });
  const load = () => (cannotLoad ? Promise.reject(cannotLoad) : createFakeTextEngine(model));
  engine = await engineWithFallback({ baseURL: server.baseURL, apiKey: KEY, model: MODEL, ...fallback }, 'bytes', load);
  const events: EngineEvent[] = [];
  engine.on('event', (event) => ['remote', 'downgrade'].includes(event.type) && events.push(event));
  return { events, lose: () => model.runner.lose(lost()) };
}

const contentOf = (chunks: readonly ChatCompletionChunk[], choice = 0) =>
  chunks.map(({ choices: [piece] }) => (piece?.index === choice ? (piece.delta.content ?? '') : '')).join('');

/** Streams, and loses the device once so many characters of a choice have come. */
async function streamLosing(lose: () => void, request: ChatCompletionRequest, after = 9, choice = 0) {
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of await engine.chat.completions.create({ ...request, stream: true })) {
    chunks.push(chunk);
    if (contentOf(chunks, choice).length >= after) lose();
  }
  return chunks;
}

describe('a device that is lost in the middle of an answer', () => {
  it('goes on at /v1/completions with the rendered prompt and the text so far, in the same stream, and says so', async () => {
    const { events, lose } = await open({ completions: ['text'] });
    expect(engine.where).toBe('local');
    const request = { ...ask, seed: 5, presence_penalty: 0.5, stream_options: { include_usage: true }, user: 'me' };
    const chunks = await streamLosing(lose, request);
    expect(contentOf(chunks)).toBe(STORY);
    const first = chunks.findIndex(({ remote }) => remote);
    const soFar = contentOf(chunks.slice(0, first));
    expect(soFar.length).toBeGreaterThanOrEqual(9);
    const mark = { origin: server.origin, model: MODEL, reason: 'device_lost', answer: 'continued' };
    for (const [at, { remote, model, id }] of chunks.entries()) {
      expect({ remote, model, id }).toEqual({
        remote: at < first ? undefined : mark,
        model: at < first ? 'bytes' : MODEL,
        id: chunks[0]!.id,
      });
    }
    const counted = { prompt_tokens: PROMPT_TOKENS, completion_tokens: STORY.length };
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: counted });
    expect(server.asked.map(({ path, body }) => [path, body])).toEqual([
      [
        '/v1/completions',
        {
          ...{ model: MODEL, prompt: rendered + soFar, add_special_tokens: false, max_tokens: 100 - soFar.length },
          ...{ temperature: 0, presence_penalty: 0.5, seed: 5, stream: true, stream_options: { include_usage: true } },
        },
      ],
    ]);
    expect(events).toEqual([
      { type: 'downgrade', message: expect.stringContaining(server.origin) },
      { type: 'remote', ...mark },
    ]);
    expect(engine.where).toBe('remote');
  });

  it('asks a strict server again without the fields that OpenAI does not have', async () => {
    const { lose } = await open({ completions: ['text'], strict: true });
    expect(contentOf(await streamLosing(lose, ask))).toBe(STORY);
    expect(server.asked.map(({ body }) => 'add_special_tokens' in body)).toEqual([true, false]);
  });

  it('is answered anew where there is no /v1/completions: the text so far stays, marked', async () => {
    const { lose } = await open();
    const chunks = await streamLosing(lose, ask);
    const first = chunks.findIndex(({ remote }) => remote);
    const soFar = contentOf(chunks.slice(0, first));
    expect(chunks[first]!.remote).toMatchObject({ answer: 'restarted', superseded: soFar.length });
    expect(contentOf(chunks)).toBe(soFar + STORY);
    expect(chunks.filter(({ choices }) => choices[0]?.delta.role)).toHaveLength(1);
    expect(server.asked.map(({ path }) => path)).toEqual(['/v1/completions', '/v1/chat/completions']);
  });

  it('is answered anew without a trace of the first try where nobody has read it', async () => {
    await open({ loseAt: 12 });
    const { choices, remote, usage, model } = await engine.chat.completions.create(ask);
    expect(choices[0].message.content).toBe(STORY);
    expect(remote).toEqual({ origin: server.origin, model: MODEL, reason: 'device_lost', answer: 'whole' });
    expect(model).toBe(MODEL);
    expect(usage).toMatchObject({ prompt_tokens: 7, completion_tokens: STORY.length });
  });

  it('sends ids where somebody typed the text of a special token, and nothing where the server takes no ids', async () => {
    const typed = { ...ask, messages: [user('<|end|>')] };
    const { lose } = await open({
      completions: ['text', 'ids'],
      promptTokens: PROMPT_TOKENS + 5,
      header: 'assistant\n',
    });
    expect(contentOf(await streamLosing(lose, typed))).toBe(STORY);
    const { prompt } = server.asked[0]!.body;
    expect(prompt.filter((id: number) => id === END)).toHaveLength(1); // the template's own
    await engine.unload();
    await server.close();

    const other = await open({ completions: ['text'], promptTokens: PROMPT_TOKENS + 5 });
    const chunks = await streamLosing(other.lose, typed);
    expect(chunks.at(-1)!.remote).toMatchObject({ answer: 'restarted' });
    expect(server.asked.map(({ body }) => Array.isArray(body.prompt))).toEqual([true, false]);
  });

  it('finds stop strings that begin before the end and end after it', async () => {
    const { lose } = await open({ completions: ['text'], says: STORY });
    const at = STORY.indexOf('time');
    const chunks = await streamLosing(lose, { ...ask, stop: ['time a'] }, at);
    expect(contentOf(chunks)).toBe(STORY.slice(0, at));
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe('stop');
    expect(server.asked[0]!.body).toMatchObject({ stop: ['time a'] });
  });

  it('gives the choices that are left, each with a seed of its own', async () => {
    const { lose } = await open({ completions: ['text'] });
    const request = { ...ask, n: 3, seed: 1, stream_options: { include_usage: true } };
    // The fake model tells its story once; so the first choice is whole here, and the second dies at once.
    const chunks = await streamLosing(lose, request, STORY.length);
    expect([0, 1, 2].map((choice) => contentOf(chunks, choice))).toEqual([STORY, STORY, STORY]);
    expect(server.asked.at(-1)!.body).toMatchObject({ seed: 3 });
    const ends = chunks.filter(({ choices }) => choices[0]?.finish_reason);
    expect(ends.map(({ choices, remote }) => [choices[0]!.index, remote !== undefined])).toContainEqual([2, true]);
    expect(chunks.at(-1)!.usage!.completion_tokens).toBeGreaterThanOrEqual(3 * STORY.length);
  });

  it('parses a tool call whose beginning was computed here and whose end was not', async () => {
    const call = '[get_weather(city="Paris")]';
    await open({ completions: ['text'], story: call, says: call, loseAt: 12 });
    const tools = [{ type: 'function', function: { name: 'get_weather' } }] as const;
    const stream = await engine.chat.completions.create({ ...ask, tools, stream: true });
    const deltas = (await readAll(stream)).flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    expect(deltas.map((delta) => delta.function.arguments).join('')).toBe('{"city":"Paris"}');
    expect(server.asked.map(({ body }) => body.prompt.startsWith(rendered))).toEqual([true]);
  });

  it('goes on with a text or with ids, and with an answer that the request has begun', async () => {
    await open({ completions: ['text', 'ids'], header: 'Tell: ', promptTokens: 7, loseAt: 20 });
    const prompt = 'Tell: ';
    const text = { prompt, max_tokens: 100, temperature: 0 };
    const whole = await engine.completions.create(text);
    expect(whole).toMatchObject({ choices: [{ text: STORY }], remote: { answer: 'continued' }, model: MODEL });
    expect(server.asked[0]!.body.prompt).toMatch(/^<\|begin\|>Tell: Once/);
    const ids = await engine.completions.create({ ...text, prompt: await engine.tokenize(prompt) });
    expect(ids).toMatchObject({ choices: [{ text: STORY }], remote: { answer: 'whole' } });
    await engine.unload();
    await server.close();

    await open({ completions: ['text'], loseAt: 10 });
    const messages = [user('Hi'), { role: 'assistant', content: STORY.slice(0, 5) }] as const;
    const begun = await engine.chat.completions.create({ ...ask, messages, continue_final_message: true });
    expect(begun.choices[0].message.content).toBe(STORY.slice(5));
    expect(server.asked.map(({ body }) => body.prompt.startsWith(rendered + STORY.slice(0, 5)))).toEqual([true]);
  });

  it('ends with the reason, and with what to do, where no server is allowed, or not for this', async () => {
    const { lose } = await open({ fallback: { when: ['model_too_large'] } });
    await expect(streamLosing(lose, ask)).rejects.toMatchObject({
      code: 'device_lost',
      message: 'The GPU device was lost.',
    });
    expect(server.asked).toEqual([]);
  });
});

describe('a request that nothing here can answer', () => {
  const tooLarge = new OutriderError('model_too_large', 'Needs 60 GB, has 8.');

  it('goes to the server whole, with its tools and its form, and its model is honest about it', async () => {
    const deltas = [
      { tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'add', arguments: '{"a"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
    ];
    const { events } = await open({ cannotLoad: tooLarge, deltas });
    expect(engine).toMatchObject({ where: 'remote', model: { id: 'bytes', layers: [], contextLength: 0 } });
    const tools = [{ type: 'function', function: { name: 'add' } }] as const;
    const request = { messages: [user('1?')], tools, tool_choice: 'required', user: 'me', model: 'bytes' } as const;
    const { choices, remote } = await engine.chat.completions.create(request);
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: null, tool_calls: [{ id: 'c1', function: { name: 'add', arguments: '{"a":1}' } }] },
    });
    expect(remote).toMatchObject({ reason: 'model_too_large', answer: 'whole' });
    const { user: _, ...sent } = request;
    expect(server.asked[0]!.body).toEqual({
      ...{ ...sent, model: MODEL },
      ...{ stream: true, stream_options: { include_usage: true } },
    });
    await expect(engine.countTokens('x')).rejects.toMatchObject({ code: 'model_too_large' });
    expect(events.map(({ type }) => type)).toEqual(['downgrade', 'remote']);
  });

  it('may be a text, and by HTTP too', async () => {
    await open({ cannotLoad: tooLarge, completions: ['text'], header: 'Tell: ' });
    const body = JSON.stringify({ prompt: 'Tell: Once', max_tokens: 9 });
    const response = await engine.fetch('/v1/completions', { method: 'POST', body });
    expect(await response.json()).toMatchObject({
      choices: [{ text: STORY.slice(4, 13), finish_reason: 'length' }],
      remote: { answer: 'whole' },
    });
    await expect(engine.completions.create({ prompt: 'x', grammar: 'root ::= "a"' })).rejects.toThrow(/grammar/);
  });

  it.each<[ErrorCode]>([['invalid_request'], ['tokenizer_invalid'], ['network_error'], ['aborted']])(
    'is refused with %s as without a fallback',
    async (code) => {
      await expect(open({ cannotLoad: new OutriderError(code, 'no') })).rejects.toMatchObject({ code });
    },
  );

  it('is refused here where it is wrong, and by name where no server understands it', async () => {
    await open({ cannotLoad: tooLarge });
    const wrong = engine.chat.completions.create({ ...ask, temperature: 7 });
    await expect(wrong).rejects.toMatchObject({ code: 'invalid_request', details: { param: 'temperature' } });
    const grammar = engine.chat.completions.create({ ...ask, grammar: 'root ::= "a"' });
    await expect(grammar).rejects.toMatchObject({
      code: 'model_too_large',
      message: expect.stringContaining('grammar'),
    });
    expect(server.asked).toEqual([]);
  });
});

describe('a server that does not answer', () => {
  it.each<[string, number, ErrorCode, RegExp]>([
    ['refuses the key', 401, 'access_denied', /fallback\.apiKey/],
    ['has no model', 404, 'network_error', /fallback\.model/],
    ['is full', 429, 'network_error', /later/],
    ['fails', 500, 'network_error', /log/],
    ['refuses a field', 400, 'invalid_request', /Leave out/],
  ])('that %s is an error with advice, without the key', async (_, status, code, advice) => {
    const { lose } = await open({ intercept: (_, response) => sendError(response, status, `about ${KEY}`) });
    lose();
    const error = (await engine.chat.completions.create(ask).catch((thrown) => thrown)) as OutriderError;
    expect(error).toMatchObject({ code, message: expect.stringMatching(advice), details: { status } });
    expect(JSON.stringify([error.serialize(), String(error.stack), error])).not.toContain(KEY);
    expect(error.message).toContain('about [key]');
  });

  it('may be silent, redirect, stop in the middle or talk nonsense', async () => {
    let redirected = false;
    const { lose } = await open({
      completions: ['text'],
      intercept: ({ path, body }, response) => {
        if (path === '/elsewhere') redirected = true;
        const how = body.messages?.[0].content;
        if (how === 'redirect') response.writeHead(307, { location: '/elsewhere' }).end();
        if (how === 'json') response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
        if (!['cut', 'nonsense', 'error'].includes(how)) return how === 'redirect' || how === 'json' ? true : undefined;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const error = JSON.stringify({ error: `out of memory, ${KEY}` });
        response.end(`data: ${how === 'cut' ? '{"choices":[]}' : how === 'error' ? error : 'nonsense'}\n\n`);
        return true;
      },
    });
    lose();
    const said = async (how: string) => {
      const error = await engine.chat.completions.create({ ...ask, messages: [user(how)] }).catch((thrown) => thrown);
      expect(error).toMatchObject({ code: 'network_error' });
      expect(error.message).not.toContain(KEY);
      return error.message;
    };
    expect(await said('redirect')).toMatch(/could not be reached/);
    expect(redirected).toBe(false);
    expect(await said('json')).toMatch(/did not stream/);
    expect(await said('cut')).toMatch(/in the middle/);
    expect(await said('nonsense')).toMatch(/no chunk: nonsense/);
    expect(await said('error')).toMatch(/out of memory, \[key\]/);
    await server.close();
    expect(await said('anything')).toMatch(/CORS/);
  });

  it.each<[string, (stop: AbortController) => unknown, object]>([
    ['its signal', (stop) => stop.abort(new Error('enough')), { message: 'enough' }],
    ['interruptGenerate', () => engine.interruptGenerate(), { name: 'AbortError' }],
    ['unload', () => engine.unload(), { code: 'engine_unloaded' }],
  ])('is left at once by %s', async (_, act, reason) => {
    const { lose } = await open({ stalls: true });
    lose();
    const stop = new AbortController();
    const running = engine.chat.completions.create(ask, { signal: stop.signal });
    const rejected = expect(running).rejects.toMatchObject(reason);
    while (server.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await act(stop);
    await rejected;
    while (server.left.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

describe('options', () => {
  it.each<[string, object]>([
    ['fallback.baseURL', { baseURL: 'ftp://x' }],
    ['fallback.baseURL', { baseURL: 'https://me:pw@x/v1' }],
    ['fallback.apiKey', { apiKey: 'secret\nkey' }],
    ['fallback.model', { model: '' }],
    ['fallback.when', { when: ['invalid_request'] }],
  ])('refuse a wrong %s before anything is loaded', async (field, wrong) => {
    const load = () => Promise.reject(new Error('loaded'));
    const options = { baseURL: 'https://x/v1', model: 'm', ...wrong };
    const error = await engineWithFallback(options as FallbackOptions, 'bytes', load).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'invalid_request', details: { field } });
    expect(error.message).not.toContain('secret');
  });
});

it('reads server-sent events alike, however their bytes are cut and their lines end', async () => {
  const data = fc.array(fc.constantFrom('a', 'é', '🐉', ' ', '{"x":1}', ': c'), { minLength: 1, maxLength: 5 });
  const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(data, { maxLength: 6 }),
      cuts,
      fc.constantFrom('\n', '\r\n', '\r'),
      async (all, sizes, end) => {
        const texts = all.map((parts) => parts.join(''));
        const bytes = new TextEncoder().encode(texts.map((text) => `: hi${end}data: ${text}${end}${end}`).join(''));
        const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
          start(controller) {
            for (let at = 0, n = 0; at < bytes.length; n++) {
              const size = sizes[n % sizes.length]!;
              controller.enqueue(bytes.slice(at, at + size));
              at += size;
            }
            controller.close();
          },
        });
        expect(await readAll(readEvents(body))).toEqual(texts);
      },
    ),
  );
});
