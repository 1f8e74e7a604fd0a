import type { RequestListener } from 'node:http';
import { expect, test } from 'vitest';
import type { OutriderError } from '../../src/errors.ts';
import { createHttpSource, type HttpOptions } from '../../src/storage/http/source.ts';
import { FILE, fakeSurroundings, fileServer, same, serve } from './http-server.ts';

const W = 'model.safetensors';
const TOKEN = 'hf_notasecret0123456789';
const open = (base: string, options: HttpOptions = {}) =>
  createHttpSource(base, { surroundings: fakeSurroundings(), ...options });

test('the token goes to the folder, never to the origin that it redirects to, and into nothing that is shown', async () => {
  const storage = fileServer({ headers: { etag: '"a"' } });
  const storageOrigin = await serve(storage.listener);
  const seen: (string | undefined)[] = [];
  const origin = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: `${storageOrigin}${request.url}?signature=${seen.length}` }).end();
  });
  const source = open(`${origin}/m`, { token: TOKEN });
  expect(same(await source.read(W, 5, 500), FILE.subarray(5, 500))).toBe(true);
  expect(new Set(seen)).toEqual(new Set([`Bearer ${TOKEN}`]));
  expect(storage.requests.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  expect(JSON.stringify([source, source.label, source.id])).not.toContain(TOKEN);
});

test('every attempt asks the original address, so that a link that expired is signed anew', async () => {
  let signed = 0;
  const storage = fileServer({
    faults: () => (response, _first, _last, request) => {
      if (request.url!.endsWith(`=${signed}`) && signed !== 2) return false;
      return !!response.writeHead(403).end('Request has expired');
    },
  });
  const storageOrigin = await serve(storage.listener);
  const origin = await serve((request, response) => {
    response.writeHead(302, { location: `${storageOrigin}${request.url}?signature=${++signed}` }).end();
  });
  expect(same(await open(origin).read(W, 5, 500), FILE.subarray(5, 500))).toBe(true);
  expect(storage.requests.map(({ url }) => url)).toEqual([1, 2, 3].map((n) => `/${W}?signature=${n}`));
});

test('a refusal says what is likely, and shows no token', async () => {
  const refuse =
    (status: number): RequestListener =>
    (_, response) =>
      void response.writeHead(status).end();
  const cases: [status: number, token: string | undefined, advice: RegExp][] = [
    [401, undefined, /not public: give an access token/],
    [403, undefined, /not public: give an access token/],
    [401, TOKEN, /wrong or has expired/],
    [403, TOKEN, /accept the licence/],
  ];
  for (const [status, token, advice] of cases) {
    const source = open(await serve(refuse(status)), { token });
    const error: OutriderError = await source.stat('config.json').then(
      () => expect.fail('it was not refused'),
      (reason) => reason,
    );
    expect(error).toMatchObject({ code: 'access_denied', details: { status } });
    expect(error.message).toMatch(advice);
    expect(JSON.stringify(error.serialize())).not.toContain(TOKEN);
  }
  const storageOrigin = await serve(refuse(403));
  const origin = await serve((request, response) => {
    response.writeHead(302, { location: `${storageOrigin}${request.url}` }).end();
  });
  await expect(open(origin).stat('config.json')).rejects.toMatchObject({
    code: 'access_denied',
    message: expect.stringMatching(/redirects to refused access.*6 attempts/),
  });
});

test('requests carry no header that would need a preflight or be answered from a cache', async () => {
  const inits: RequestInit[] = [];
  const server = fileServer();
  const spy: typeof fetch = (input, init) => {
    inits.push(init!);
    return fetch(input, init);
  };
  await open(await serve(server.listener), { fetch: spy }).read(W, 3, 9);
  expect(inits.map(({ headers }) => headers)).toEqual([{ range: 'bytes=0-0' }, { range: 'bytes=3-8' }]);
  expect(inits.map(({ cache, method }) => `${method} ${cache}`)).toEqual(['GET no-store', 'GET no-store']);
});
