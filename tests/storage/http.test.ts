import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { createHttpSource } from '../../src/storage/http.ts';
import { openSource } from '../../src/storage/open.ts';
import { readText } from '../../src/storage/source.ts';

const FILE = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) & 255);
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/tiny`;
}

/** A well-behaved server with one file of `FILE`'s bytes at any path ending in .safetensors. */
const good: RequestListener = (request, response) => {
  if (!request.url?.includes('.safetensors')) return void response.writeHead(404).end();
  const [first, last] = rangeOf(request.headers.range);
  response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${FILE.length}` });
  response.end(FILE.subarray(first, last + 1));
};

function rangeOf(header: string | undefined): [number, number] {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header ?? '') ?? [];
  return [Number(first), Number(last)];
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<number[]> {
  const bytes: number[] = [];
  for await (const piece of pieces) bytes.push(...piece);
  return bytes;
}

test('a range is read, streamed and sized, and a missing file has no size', async () => {
  const source = await openSource(await serve(good));
  expect(await source.stat('model.safetensors')).toMatchObject({ size: FILE.length });
  expect(await source.stat('other.json')).toBeUndefined();
  const bytes = await source.read('model.safetensors', 70_001, 200_003);
  expect(Buffer.compare(bytes, FILE.subarray(70_001, 200_003))).toBe(0);
  expect(await collect(source.stream('model.safetensors', 5, 9))).toEqual([...FILE.subarray(5, 9)]);
  expect(await source.read('model.safetensors', 7, 7)).toHaveLength(0);
  await expect(source.read('gone/w.txt', 0, 1)).rejects.toMatchObject({ code: 'model_not_found' });
});

test('a path is escaped and the query of the folder travels with every file', async () => {
  const urls: (string | undefined)[] = [];
  const base = await serve((request, response) => {
    urls.push(request.url);
    response.writeHead(404).end();
  });
  await createHttpSource(`${base}?token=1`).stat('a b#c/d?e.json');
  expect(urls).toEqual(['/models/tiny/a%20b%23c/d%3Fe.json?token=1']);
});

test('a server without Range is refused before its body is read', async () => {
  let sent = 0;
  const base = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    const push = (): void => {
      while (!response.destroyed && sent < 1 << 30) {
        sent += FILE.length;
        if (!response.write(FILE)) return void response.once('drain', push);
      }
    };
    push();
  });
  const source = createHttpSource(base);
  await expect(source.stat('model.safetensors')).rejects.toMatchObject({ code: 'range_unsupported' });
  await expect(source.read('model.safetensors', 0, 10)).rejects.toMatchObject({ code: 'range_unsupported' });
  expect(sent).toBeLessThan(64 << 20);
});

test('a body that ends early names both lengths', async () => {
  const base = await serve((request, response) => {
    const [first, last] = rangeOf(request.headers.range);
    response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${FILE.length}`, connection: 'close' });
    response.end(FILE.subarray(0, 100)); // no content-length: the end looks regular
  });
  const reading = createHttpSource(base).read('model.safetensors', 0, 1000);
  await expect(reading).rejects.toMatchObject({
    code: 'network_error',
    message: expect.stringMatching(/100 bytes.*1000/),
    details: { received: 100, expected: 1000 },
  });
});

test('a connection that breaks in the middle names both lengths', async () => {
  const base = await serve((request, response) => {
    const [first, last] = rangeOf(request.headers.range);
    response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${FILE.length}`, 'content-length': 1000 });
    response.write(FILE.subarray(0, 100), () => setTimeout(() => response.destroy(), 20));
  });
  const reading = createHttpSource(base).read('model.safetensors', 0, 1000);
  await expect(reading).rejects.toMatchObject({
    code: 'network_error',
    details: { received: 100, expected: 1000 },
  });
});

test('a server that sends more than the range, or another range, is refused', async () => {
  const more = await serve((_, response) => response.writeHead(206).end(FILE));
  await expect(createHttpSource(more).read('w.safetensors', 0, 10)).rejects.toMatchObject({ code: 'network_error' });
  const other = await serve((_, response) =>
    response.writeHead(206, { 'content-range': `bytes 0-9/${FILE.length}` }).end(FILE.subarray(0, 10)),
  );
  await expect(createHttpSource(other).read('w.safetensors', 10, 20)).rejects.toMatchObject({
    code: 'network_error',
    message: expect.stringContaining('bytes 0-9 where 10-19'),
  });
});

test('a server that answers every path with its index page is recognised', async () => {
  const base = await serve((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html><title>App</title>'),
  );
  const source = createHttpSource(base);
  for (const path of ['config.json', 'model-00001-of-00002.safetensors']) {
    await expect(source.stat(path)).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining('web page'),
    });
  }
  expect(await source.stat('generation_config.json')).toBeUndefined(); // optional files are simply not there
});

test('a compressed body is counted after decompression', async () => {
  const text = 'x'.repeat(5000);
  const base = await serve((request, response) => {
    const [first, last] = rangeOf(request.headers.range);
    const body = gzipSync(text.slice(first, last + 1));
    response.writeHead(206, {
      'content-encoding': 'gzip',
      'content-length': body.length,
      'content-range': `bytes ${first}-${last}/${text.length}`,
    });
    response.end(body);
  });
  expect(await readText(createHttpSource(base), 'config.json', 10_000)).toBe(text);
});

test('the size comes from HEAD where Content-Range is hidden, and is an error where nothing tells it', async () => {
  const hidden = await serve((request, response) => {
    if (request.method === 'HEAD') response.writeHead(200, { 'content-length': FILE.length }).end();
    else response.writeHead(206).end(FILE.subarray(0, 1));
  });
  expect(await createHttpSource(hidden).stat('w.safetensors')).toMatchObject({ size: FILE.length });
  const silent = await serve((request, response) => {
    response.writeHead(request.method === 'HEAD' ? 405 : 206).end();
  });
  await expect(createHttpSource(silent).stat('w.safetensors')).rejects.toMatchObject({ code: 'network_error' });
});

test('an empty file has size 0', async () => {
  const base = await serve((_, response) => response.writeHead(416, { 'content-range': 'bytes */0' }).end());
  expect(await readText(createHttpSource(base), 'config.json', 10)).toBe('');
});

test('errors of the server and of the network say what happened', async () => {
  const base = await serve((_, response) => response.writeHead(403).end());
  await expect(createHttpSource(base).stat('config.json')).rejects.toMatchObject({
    code: 'network_error',
    message: expect.stringContaining('403'),
  });
  const closed = 'http://127.0.0.1:9/';
  await expect(createHttpSource(closed).stat('config.json')).rejects.toMatchObject({ code: 'network_error' });
});

test('an abort before and during a read rejects with aborted and closes the connection', async () => {
  let closed: Promise<void> | undefined;
  const base = await serve((_, response) => {
    closed = new Promise((resolve) => response.on('close', resolve));
    response.writeHead(206).write(FILE.subarray(0, 100)); // and then nothing more
  });
  const source = createHttpSource(base);
  await expect(source.stat('w.safetensors', { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'aborted',
  });
  const controller = new AbortController();
  const iterator = source.stream('w.safetensors', 0, 1000, { signal: controller.signal })[Symbol.asyncIterator]();
  await iterator.next();
  controller.abort();
  await expect(iterator.next()).rejects.toMatchObject({ code: 'aborted' });
  await closed;
});

test('leaving a stream early closes the connection', async () => {
  let closed: Promise<void> | undefined;
  const base = await serve((_, response) => {
    closed = new Promise((resolve) => response.on('close', resolve));
    response.writeHead(206).write(FILE.subarray(0, 100));
  });
  for await (const _ of createHttpSource(base).stream('w.safetensors', 0, 1000)) break;
  await closed;
});
