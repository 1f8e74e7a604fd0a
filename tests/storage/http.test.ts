import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createHttpSource, type HttpOptions } from '../../src/storage/http/source.ts';
import { openSource } from '../../src/storage/open.ts';
import { PART_BYTES } from '../../src/storage/parts.ts';
import { readText } from '../../src/storage/source.ts';
import { collect, type Fault, FILE, fakeSurroundings, fileServer, same, serve } from './http-server.ts';

const W = 'model.safetensors';
const open = (base: string, options: HttpOptions = {}) =>
  createHttpSource(`${base}/models/tiny`, { surroundings: fakeSurroundings(), ...options });

test('a range is read, streamed and sized with one look at the file, and a missing file has no size', async () => {
  const server = fileServer({ headers: { etag: '"v1"' } });
  const source = await openSource(`${await serve(server.listener)}/models/tiny`);
  const facts = { size: FILE.length, version: '"v1"' };
  expect([await source.stat(W), await source.stat(W)]).toEqual([facts, facts]);
  expect(await source.stat('other.json')).toBeUndefined();
  expect(same(await source.read(W, 70_001, 200_003), FILE.subarray(70_001, 200_003))).toBe(true);
  expect(await source.read(W, 7, 7)).toHaveLength(0);
  expect(server.requests.map(({ range }) => range)).toEqual(['bytes=0-0', 'bytes=0-0', 'bytes=70001-200002']);
  expect(same(await collect(source.stream(W, 5, FILE.length)), FILE.subarray(5))).toBe(true);
  expect(server.requests).toHaveLength(5); // one for each part
  await expect(source.read('gone/w.txt', 0, 1)).rejects.toMatchObject({ code: 'model_not_found' });
  await expect(source.read(W, 0, FILE.length + 1)).rejects.toMatchObject({
    code: 'network_error',
    details: { size: FILE.length, end: FILE.length + 1 },
  });
});

test('a path is escaped, and the query of the folder travels with every file but is shown nowhere', async () => {
  const urls: (string | undefined)[] = [];
  const base = await serve((request, response) => {
    urls.push(request.url);
    response.writeHead(request.url?.includes('w.safetensors') ? 403 : 404).end();
  });
  const source = createHttpSource(`${base}/m?signature=secret#x`);
  await source.stat('a b#c/d?e.json');
  expect(urls).toEqual(['/m/a%20b%23c/d%3Fe.json?signature=secret']);
  expect([source.label, source.id]).toEqual([`${base}/m/`, `${base}/m/`]);
  const refused = await source.stat('w.safetensors').catch((error) => error);
  expect(refused).toMatchObject({ code: 'access_denied', message: expect.stringContaining('expired') });
  expect(JSON.stringify(refused.serialize())).not.toContain('secret');
  expect(() => createHttpSource('https://me:secret@example.org/m')).toThrow(/^((?!secret).)*token/);
});

test('a server that sends another range, or more than the range, is asked again, and refused where it insists', async () => {
  const answer = async (until: number, headers: Record<string, string | number>, body: Uint8Array) => {
    const fault = (response: ServerResponse) => !!response.writeHead(206, headers).end(body);
    const faults = (n: number) => (n >= 1 && n <= until ? fault : undefined);
    return open(await serve(fileServer({ faults }).listener), { surroundings: fakeSurroundings() });
  };
  const wrong: [headers: Record<string, string | number>, body: Uint8Array, says: string][] = [
    [{ 'content-length': 5000 }, FILE.subarray(0, 5000), 'announced 5000 bytes where 10'],
    [{ 'content-range': `bytes 0-9/${FILE.length}` }, FILE.subarray(0, 10), 'bytes 0-9 where 10-19'],
  ];
  for (const [headers, body, says] of wrong) {
    const once = await answer(1, headers, body);
    expect(same(await once.read(W, 10, 20), FILE.subarray(10, 20))).toBe(true);
    const always = await answer(Infinity, headers, body);
    await expect(always.read(W, 10, 20)).rejects.toMatchObject({
      code: 'network_error',
      message: expect.stringContaining(says),
    });
  }
  const unannounced = await answer(1, {}, FILE.subarray(0, 5000));
  await expect(unannounced.read(W, 0, 10)).rejects.toMatchObject({
    code: 'network_error',
    message: expect.stringContaining('more than the 10 bytes'),
  });
});

test('compressed bytes are refused, since they cannot be counted', async () => {
  const base = await serve((_, response) => {
    const body = gzipSync('x'.repeat(5000));
    response.writeHead(206, { 'content-encoding': 'gzip', 'content-range': 'bytes 0-0/5000' }).end(body);
  });
  await expect(open(base).stat('config.json')).rejects.toMatchObject({
    code: 'network_error',
    message: expect.stringMatching(/gzip.*Switch compression off/),
  });
});

test('a server that answers every path with its index page is recognised', async () => {
  const base = await serve((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html><title>App</title>'),
  );
  for (const path of ['config.json', 'model-00001-of-00002.safetensors']) {
    await expect(open(base).stat(path)).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining('web page'),
    });
  }
  expect(await open(base).stat('generation_config.json')).toBeUndefined(); // optional files are simply not there
});

test('the size comes from HEAD where Content-Range is hidden, and is an error where nothing tells it', async () => {
  const hidden = await serve((request, response) => {
    if (request.method === 'HEAD') response.writeHead(200, { 'content-length': FILE.length }).end();
    else response.writeHead(206).end(FILE.subarray(0, 1));
  });
  expect(await open(hidden).stat(W)).toMatchObject({ size: FILE.length });
  const silent = await serve((request, response) => {
    response.writeHead(request.method === 'HEAD' ? 405 : 206).end();
  });
  await expect(open(silent).stat(W)).rejects.toMatchObject({
    code: 'network_error',
    message: expect.stringContaining('does not tell the size'),
  });
});

test('an empty file has size 0', async () => {
  const base = await serve((_, response) => response.writeHead(416, { 'content-range': 'bytes */0' }).end());
  expect(await readText(open(base), 'config.json', 10)).toBe('');
});

test('an abort before and during a read rejects with aborted and closes the connection', async () => {
  const controller = new AbortController();
  const closed: Promise<void>[] = [];
  const hanging: Fault = (response) => {
    closed.push(new Promise((resolve) => response.on('close', resolve)));
    response.writeHead(206).write(FILE.subarray(0, 100), () => setImmediate(() => controller.abort()));
    return true;
  };
  const server = fileServer({ faults: (n) => (n > 0 ? hanging : undefined) });
  const source = open(await serve(server.listener));
  await expect(source.stat(W, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  await source.stat(W);
  await expect(source.read(W, 0, 1000, { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
  expect(closed).toHaveLength(1);
  await Promise.all(closed);
});

test('leaving a stream early closes every connection', async () => {
  const closed: Promise<void>[] = [];
  const server = fileServer({
    faults: (n) => (response, first) => {
      if (n === 0 || first === 0) return false;
      closed.push(new Promise((resolve) => response.on('close', resolve)));
      return true; // and never answers
    },
  });
  const source = open(await serve(server.listener));
  for await (const piece of source.stream(W, 0, FILE.length)) {
    expect(piece).toHaveLength(PART_BYTES);
    break;
  }
  expect(closed.length).toBeGreaterThan(0);
  await Promise.all(closed);
});

test('what cannot be reached is given up soon where nothing ever answered', async () => {
  const surroundings = fakeSurroundings();
  await expect(open('http://127.0.0.1:9', { surroundings }).stat('config.json')).rejects.toMatchObject({
    code: 'network_error',
    message: expect.stringMatching(/127\.0\.0\.1:9\/models\/tiny\/config\.json.*CORS/),
  });
  expect(surroundings.slept).toHaveLength(2);
});
