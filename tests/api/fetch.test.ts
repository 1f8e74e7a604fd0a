/** `engine.fetch` as a server: statuses, events, aborts and limits. Official clients over it are in tests/clients/. */
import { describe, expect, it, vi } from 'vitest';
import { createFetch, type FetchOptions } from '../../src/api/fetch.ts';
import { createFakeEngine, fakeModel } from '../engine/fake-model.ts';
import type { FakeOptions } from '../engine/fake-runner.ts';

const base = 'http://outrider/v1';
const question = { messages: [{ role: 'user', content: 'Hi' }], temperature: 0, max_tokens: 20 };

async function serve(options: FakeOptions = {}, fetchOptions?: FetchOptions) {
  const model = fakeModel(options);
  const engine = await createFakeEngine(model);
  return { engine, runner: model.runner, fetch: fetchOptions ? createFetch(engine, fetchOptions) : engine.fetch };
}

const post = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** The data of each event. */
async function eventsOf(response: Response): Promise<string[]> {
  const text = await response.text();
  expect(text.endsWith('\n\n')).toBe(true);
  return text
    .slice(0, -2)
    .split('\n\n')
    .map((event) => event.replace(/^data: /, ''));
}

async function refusal(response: Response) {
  expect(response.headers.get('x-should-retry')).toBe('false');
  expect(response.headers.get('content-type')).toContain('application/json');
  const { error } = await response.json();
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
  return { status: response.status, ...error };
}

describe('engine.fetch', () => {
  it('answers at any origin and prefix, to strings, URLs and Requests, detached from its engine', async () => {
    const { fetch } = await serve();
    const texts = [];
    for (const at of [
      `${base}/chat/completions`,
      '/v1/chat/completions',
      './v1/chat/completions/',
      new URL('https://example.org/a/b/v1/chat/completions?x=1#y'),
    ]) {
      const response = await fetch(at, post(question));
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
      texts.push((await response.json()).choices[0].message.content);
    }
    const asked = new Request(`${base}/chat/completions`, post(question));
    texts.push((await (await fetch(asked)).json()).choices[0].message.content);
    expect(asked.bodyUsed).toBe(true);
    expect(texts).toEqual(Array(5).fill(expect.stringMatching(/^[a-z]{20}$/)));
    expect(new Set(texts).size).toBe(1);
  });

  it('streams one event per chunk, ends with [DONE], and gives the same text', async () => {
    const { fetch } = await serve();
    const response = await fetch(`${base}/chat/completions`, post({ ...question, stream: true }));
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = await eventsOf(response);
    expect(events.at(-1)).toBe('[DONE]');
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event));
    expect(new Set(chunks.map(({ object }) => object))).toEqual(new Set(['chat.completion.chunk']));
    const text = chunks.map(({ choices }) => choices[0].delta.content ?? '').join('');
    const whole = await (await fetch(`${base}/chat/completions`, post(question))).json();
    expect(text).toBe(whole.choices[0].message.content);
  });

  it('lists the loaded model, and finds it by its id only', async () => {
    const { fetch } = await serve();
    const list = await (await fetch(`${base}/models`)).json();
    expect(list).toMatchObject({ object: 'list', data: [{ id: 'bytes', object: 'model' }] });
    expect(await (await fetch(`${base}/models/bytes`)).json()).toEqual(list.data[0]);
    expect(await refusal(await fetch(`${base}/models/gpt%2F4`))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    const head = await fetch(`${base}/models`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('serves text completions beside chats', async () => {
    const { fetch } = await serve();
    const answer = await fetch(`${base}/completions`, post({ prompt: 'Once', max_tokens: 5, temperature: 0 }));
    expect(await answer.json()).toMatchObject({ object: 'text_completion', choices: [{ finish_reason: 'length' }] });
    const events = await eventsOf(
      await fetch(`${base}/completions`, post({ prompt: 'Once', max_tokens: 5, stream: true })),
    );
    expect(JSON.parse(events[0]!)).toMatchObject({ object: 'text_completion' });
    expect(events.at(-1)).toBe('[DONE]');
  });

  it.each<[string, string, RequestInit, object]>([
    ['an unknown path', '/v1/embeddings', post({}), { status: 404, code: 'not_found' }],
    ['a path below a known one', '/v1/chat/completions/1', {}, { status: 404, code: 'not_found' }],
    ['a path without v1', '/chat/completions', post(question), { status: 404, code: 'not_found' }],
    ['a wrong method', '/v1/chat/completions', {}, { status: 405, code: 'method_not_allowed' }],
    ['a list that is posted to', '/v1/models', post({}), { status: 405, code: 'method_not_allowed' }],
    ['broken JSON', '/v1/chat/completions', post('{"messages": ['), { status: 400, code: 'invalid_json' }],
    [
      'bytes that are no UTF-8',
      '/v1/chat/completions',
      { method: 'POST', body: new Uint8Array([34, 255, 34]) },
      { status: 400, code: 'invalid_json' },
    ],
    ['no body', '/v1/chat/completions', { method: 'POST' }, { status: 400, code: 'invalid_json' }],
    ['a list for a body', '/v1/chat/completions', post([]), { status: 400, param: 'request', code: 'invalid_value' }],
    [
      'a value out of range',
      '/v1/chat/completions',
      post({ ...question, temperature: 3 }),
      { status: 400, param: 'temperature', code: 'invalid_value' },
    ],
    [
      'a field that nobody knows',
      '/v1/chat/completions',
      post({ ...question, frobnicate: 1 }),
      { status: 400, param: 'frobnicate', code: 'unknown_parameter' },
    ],
    [
      'another model',
      '/v1/chat/completions',
      post({ ...question, model: 'gpt-4' }),
      { status: 404, param: 'model', code: 'model_not_found' },
    ],
    [
      'a long conversation, streamed',
      '/v1/chat/completions',
      post({ messages: [{ role: 'user', content: 'x'.repeat(600) }], stream: true }),
      { status: 400, code: 'context_length_exceeded' },
    ],
    [
      'too large a body',
      '/v1/chat/completions',
      post({ ...question, user: 'x'.repeat(5000) }),
      { status: 413, code: 'body_too_large' },
    ],
  ])('refuses %s with a status and an error object', async (_, path, init, expected) => {
    const { fetch, runner } = await serve({}, { maxBodyBytes: 4096 });
    const response = await fetch(`http://outrider${path}`, init);
    const allow = response.headers.get('allow');
    expect(await refusal(response)).toMatchObject({ type: 'invalid_request_error', param: null, ...expected });
    if (response.status === 405) expect(allow).toMatch(path === '/v1/models' ? /GET/ : /POST/);
    expect(runner.prefills).toEqual([]);
  });

  it('rejects like fetch does what is no request', async () => {
    const { fetch } = await serve();
    await expect(fetch('http://user:pass@outrider/v1/models')).rejects.toThrow(TypeError);
    await expect(fetch(`${base}/models`, { body: 'x' })).rejects.toThrow(TypeError);
  });

  it('says 503 once the engine is gone, and in the middle of a stream an error event without [DONE]', async () => {
    const { engine, runner, fetch } = await serve();
    const response = await fetch(`${base}/chat/completions`, post({ ...question, max_tokens: 50, stream: true }));
    runner.failNext = new Error('The step failed.');
    const events = await eventsOf(response);
    expect(JSON.parse(events.at(-1)!)).toEqual({
      error: { message: 'The step failed.', type: 'server_error', param: null, code: null },
    });
    expect(events.filter((event) => event === '[DONE]')).toEqual([]);
    await engine.unload();
    const refused = await refusal(await fetch(`${base}/chat/completions`, post(question)));
    expect(refused).toMatchObject({ status: 503, type: 'server_error', code: 'engine_unloaded' });
  });

  it('ends interrupted generations with an error of their own', async () => {
    const { engine, fetch } = await serve();
    const whole = fetch(`${base}/chat/completions`, post({ ...question, max_tokens: 400 }));
    const streamed = await fetch(
      `${base}/chat/completions`,
      post({ ...question, max_tokens: 400, stream: true }),
    ).catch((e) => e);
    expect(streamed).toBeInstanceOf(Response);
    const [, events] = await Promise.all([whole, eventsOf(streamed), engine.interruptGenerate()]);
    expect(JSON.parse(events.at(-1)!)).toMatchObject({ error: { code: 'aborted' } });
  });
});

describe('a request that is aborted', () => {
  const long = post({ ...question, max_tokens: 400 });
  const stream = post({ ...question, max_tokens: 400, stream: true });

  it.each<[string, RequestInit]>([
    ['whole', long],
    ['streamed', stream],
  ])('rejects with the reason before it begins and while it waits (%s)', async (_, init) => {
    const { fetch, runner } = await serve();
    const reason = new Error('enough');
    await expect(fetch(`${base}/chat/completions`, { ...init, signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(runner.prefills).toEqual([]);
    const controller = new AbortController();
    const running = fetch(`${base}/chat/completions`, { ...init, signal: controller.signal });
    const request = fetch(new Request(`${base}/chat/completions`, { ...init, signal: controller.signal }));
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    await expect(request).rejects.toBe(reason);
  });

  it('errors the body and stops the generation, and the next answer is undisturbed', async () => {
    const { fetch, runner } = await serve();
    const controller = new AbortController();
    const response = await fetch(`${base}/chat/completions`, { ...stream, signal: controller.signal });
    const reader = response.body!.getReader();
    for (let event = 0; event < 5; event++) await reader.read();
    controller.abort();
    await expect(reader.read()).rejects.toMatchObject({ name: 'AbortError' });
    const next = await (await fetch(`${base}/chat/completions`, post(question))).json();
    expect(runner.steps.length).toBeLessThan(200);
    const fresh = await (await (await serve()).fetch(`${base}/chat/completions`, post(question))).json();
    expect(next.choices).toEqual(fresh.choices);
  });

  it('stops when its body is cancelled', async () => {
    const { fetch, runner } = await serve();
    const response = await fetch(`${base}/chat/completions`, stream);
    await response.body!.cancel();
    const steps = runner.steps.length;
    expect((await fetch(`${base}/chat/completions`, post(question))).status).toBe(200);
    expect(runner.steps.length).toBeLessThan(steps + 60);
  });

  it('does not keep others waiting when its body is left unread', async () => {
    const { fetch } = await serve();
    await fetch(`${base}/chat/completions`, stream);
    expect((await fetch(`${base}/chat/completions`, post(question))).status).toBe(200);
  });

  it('leaves no listener on its signal, whatever became of it', async () => {
    const { fetch } = await serve();
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    const at = `${base}/chat/completions`;
    await (await fetch(at, { ...post(question), signal })).json();
    await (await fetch(at, { ...post({ ...question, stream: true }), signal })).text();
    await (await fetch(at, { ...post({ ...question, stream: true }), signal })).body!.cancel();
    await fetch(at, { ...post({ ...question, temperature: 9 }), signal });
    await fetch(at, { signal });
    expect(add.mock.calls.length).toBeGreaterThan(3);
    expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(add.mock.calls.map(([, listener]) => listener));
  });
});

it('sends the headers after a while where asked to, and errors that come later as events', async () => {
  const { fetch } = await serve({}, { headersAfterMs: 0 });
  const tooLong = { messages: [{ role: 'user', content: 'x'.repeat(600) }], stream: true };
  const { fetch: patient } = await serve({}, { headersAfterMs: 60_000 });
  expect((await patient(`${base}/chat/completions`, post(tooLong))).status).toBe(400);
  const slow = await serve({ block: 1 }, { headersAfterMs: 0 });
  const response = await slow.fetch(`${base}/chat/completions`, post({ ...question, stream: true }));
  expect(response.status).toBe(200);
  void slow.engine.unload();
  const events = await eventsOf(response);
  expect(JSON.parse(events.at(-1)!)).toMatchObject({ error: { code: 'engine_unloaded' } });
  expect(fetch).toBeTypeOf('function');
});
