/** The server's door: who is let in, what is cut off, and how it closes. The answers themselves: tests/api/fetch.test.ts. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { createFetch } from '../../src/api/fetch.ts';
import { type ApiServer, type ServeOptions, serveFetch } from '../../src/cli/serve/server.ts';
import { main } from '../../src/cli/serve.ts';
import { createFakeEngine, fakeModel, letters } from '../engine/fake-model.ts';
import type { FakeOptions } from '../engine/fake-runner.ts';

const servers: ApiServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

async function serve(options: Partial<ServeOptions> = {}, fake: FakeOptions = {}) {
  const model = fakeModel(fake);
  const engine = await createFakeEngine(model);
  const server = await serveFetch(createFetch(engine), { maxBodyBytes: 4096, ...options });
  servers.push(server);
  return { engine, runner: model.runner, server, port: Number(new URL(server.url).port) };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** With headers that `fetch` would not let through. */
async function ask(port: number, options: RequestOptions, body?: string | Buffer): Promise<Answer> {
  const sent: ClientRequest = request({ host: '127.0.0.1', port, agent: false, ...options });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const piece of response) text += piece;
  return { status: response.statusCode, headers: response.headers, text };
}

const question = {
  model: 'bytes',
  messages: [{ role: 'user' as const, content: 'Hi' }],
  temperature: 0,
  max_tokens: 8,
};
const post = { method: 'POST', path: '/v1/chat/completions', headers: { 'content-type': 'application/json' } };

describe('names of the server', () => {
  it.each([
    ['localhost:PORT', 200],
    ['LOCALHOST:PORT', 200],
    ['127.0.0.1:PORT', 200],
    ['[::1]:PORT', 200],
    ['localhost', 200],
    ['localhost:1', 403],
    ['rebound.example:PORT', 403],
    ['localhost.rebound.example:PORT', 403],
    ['127.0.0.1.rebound.example', 403],
  ])('a request for the host "%s" is answered with %i', async (host, status) => {
    const { port } = await serve();
    const answer = await ask(port, { path: '/v1/models', headers: { host: host.replace('PORT', String(port)) } });
    expect(answer.status).toBe(status);
    if (status === 403) expect(JSON.parse(answer.text).error.code).toBe('host_not_allowed');
  });

  it('are checked before the token and the body', async () => {
    const { port } = await serve({ token: 'secret' });
    const headers = { host: 'rebound.example', 'content-length': '99999' };
    expect((await ask(port, { ...post, headers })).status).toBe(403);
  });
});

describe('pages of other origins', () => {
  const origin = 'https://app.example';
  const preflight = {
    method: 'OPTIONS',
    path: '/v1/chat/completions',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-stainless-os',
      'access-control-request-private-network': 'true',
    },
  };

  it('are refused, their preflights too, and nothing is computed', async () => {
    const { port, runner } = await serve();
    for (const sent of [preflight, { ...post, headers: { origin } }, { ...post, headers: { origin: 'null' } }]) {
      const { status, headers, text } = await ask(port, sent, sent.method === 'POST' ? JSON.stringify(question) : '');
      expect([status, JSON.parse(text).error.code]).toEqual([403, 'origin_not_allowed']);
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
    expect(runner.prefills).toEqual([]);
  });

  it('are let in where they were named, without a token in the preflight but with it in the request', async () => {
    const { port } = await serve({ corsOrigins: [origin], token: 'secret' });
    const allowed = await ask(port, preflight);
    expect(allowed.status).toBe(204);
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'authorization,content-type,x-stainless-os',
      'access-control-allow-private-network': 'true',
      vary: 'Origin',
    });
    const list = { path: '/v1/models', headers: { origin, authorization: 'Bearer secret' } };
    const answered = await ask(port, list);
    expect([answered.status, answered.headers['access-control-allow-origin']]).toEqual([200, origin]);
    const denied = await ask(port, { ...list, headers: { origin } });
    expect([denied.status, denied.headers['access-control-allow-origin']]).toEqual([401, origin]);
    const stranger = await ask(port, { ...list, headers: { ...list.headers, origin: 'https://app.example.evil' } });
    expect(stranger.status).toBe(403);
  });
});

describe('the token', () => {
  it.each([
    ['Bearer secret', 200],
    ['bearer  secret ', 200],
    ['Bearer Secret', 401],
    ['Bearer secret2', 401],
    ['Bearer', 401],
    ['Basic secret', 401],
    [undefined, 401],
  ])('"%s" gives %s', async (authorization, status) => {
    const { port } = await serve({ token: 'secret' });
    const { headers, ...answer } = await ask(port, {
      path: '/v1/models',
      headers: authorization ? { authorization } : {},
    });
    expect(answer.status).toBe(status);
    if (status === 401) {
      expect(headers['www-authenticate']).toBe('Bearer');
      expect(answer.text).not.toContain('secret');
    }
  });

  it('is needed where other machines are let in, whose names for this one are then nobody’s business', async () => {
    await expect(serve({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'invalid_request' });
    const { port } = await serve({ host: '0.0.0.0', token: 'secret' });
    const headers = { host: 'my-machine.lan:80', authorization: 'Bearer secret' };
    expect((await ask(port, { path: '/v1/models', headers })).status).toBe(200);
  });
});

describe('requests', () => {
  it('that are too large end with 413, announced or not, and the server goes on', async () => {
    const { port } = await serve();
    const large = Buffer.alloc(1 << 20, 'x');
    const announced = await ask(port, {
      ...post,
      headers: { 'content-length': String(2 ** 40), expect: '100-continue' },
    });
    const chunked = await ask(
      port,
      { ...post, headers: { 'transfer-encoding': 'chunked' } },
      large.subarray(0, 60_000),
    );
    expect([announced.status, chunked.status]).toEqual([413, 413]);
    expect(JSON.parse(chunked.text).error.message).toContain('4096');
    expect((await ask(port, { path: '/v1/models' })).status).toBe(200);
  });

  it.each([
    ['//evil.example/v1/models', 200],
    ['http://evil.example/v1/models', 200],
    ['/v1/nothing', 404],
    ['//', 404],
    ['*', 404],
  ])('for the target "%s" are answered with %i', async (path, status) => {
    const { port } = await serve();
    expect((await ask(port, { path })).status).toBe(status);
  });

  it('of the official client stream through the socket', async () => {
    const { server } = await serve({ token: 'secret' });
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'secret' });
    const whole = await client.chat.completions.create(question);
    let text = '';
    for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe(whole.choices[0]!.message.content);
    expect(text).toHaveLength(8);
    const stranger = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'wrong' });
    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });

  it.each([true, false])('whose client goes away are stopped (stream: %s)', async (stream) => {
    let chosen = 0;
    const choose = (hash: number) => {
      if (++chosen === 5) sent.destroy();
      return letters(hash);
    };
    const { port, runner, engine } = await serve({}, { choose });
    const sent = request({ host: '127.0.0.1', port, ...post });
    sent.on('error', () => {});
    const gone = new Promise((resolve) => sent.on('close', resolve));
    sent.end(JSON.stringify({ ...question, max_tokens: 450, stream }));
    await gone;
    const messages = question.messages;
    await engine.chat.completions.create({ messages, max_tokens: 1 });
    expect(runner.steps.length).toBeLessThan(400);
  });
});

it('finishes what runs when it is closed, and takes nothing new', async () => {
  let closed: Promise<void> | undefined;
  const choose = (hash: number) => {
    closed ??= server.close(60_000);
    return letters(hash);
  };
  const { server, port } = await serve({}, { choose });
  const answer = await ask(port, post, JSON.stringify({ ...question, max_tokens: 200, stream: true }));
  expect(answer.text).toMatch(/data: \[DONE\]\n\n$/);
  await closed;
  await expect(ask(port, { path: '/v1/models' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('says when its address is taken', async () => {
  const { port } = await serve();
  await expect(serve({ port })).rejects.toThrow(/EADDRINUSE.*--port/);
});

it.each([
  [[], /Name one source/],
  [['a', 'b'], /Name one source/],
  [['a', '--port', '99999'], /--port is "99999"/],
  [['a', '--cors', '*'], /--cors is "\*"/],
  [['a', '--cors', 'https://a.example/'], /must be an origin/],
  [['a', '--token', ''], /token must have characters/],
  [['a', '--max-body', '1MB'], /--max-body is "1MB"/],
  [['a', '--frobnicate'], /frobnicate/],
])('outrider serve %j is an error that shows how to call it', async (argv, message) => {
  await expect(main(argv)).rejects.toThrow(message);
  await expect(main(argv)).rejects.toThrow(/Usage: outrider serve/);
});
