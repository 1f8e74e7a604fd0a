import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createHttpSource, type HttpOptions } from '../../src/storage/http/source.ts';
import { PART_BYTES } from '../../src/storage/parts.ts';
import { MAX_ATTEMPTS, type RetryNotice } from '../../src/storage/retry.ts';
import { collect, type Fault, FILE, fakeSurroundings, fileServer, same, serve } from './http-server.ts';

const W = 'model.safetensors';
const open = (base: string, options: HttpOptions = {}) =>
  createHttpSource(base, { surroundings: fakeSurroundings(), ...options });
const rangeHeader = (first: number, last: number) => ({ 'content-range': `bytes ${first}-${last}/${FILE.length}` });

/** Faults that pass, by name. `at` bytes are sent before what breaks. */
const TRANSIENT: Record<string, (at: number) => Fault> = {
  'a broken connection': (at) => (response, first, last) => {
    response.writeHead(206, { ...rangeHeader(first, last), 'content-length': last + 1 - first });
    response.write(FILE.subarray(first, Math.min(last, first + at)), () => setImmediate(() => response.destroy()));
    return true;
  },
  'a body that ends early': (at) => (response, first, last) => {
    response.writeHead(206, { ...rangeHeader(first, last), connection: 'close' }); // no length: the end looks regular
    response.end(FILE.subarray(first, Math.min(last, first + at)));
    return true;
  },
  'no answer': () => (response) => !!response.destroy(),
  'status 500': () => (response) => !!response.writeHead(500).end('oops'),
  'status 503': () => (response) => !!response.writeHead(503, { 'retry-after': '7' }).end(),
  'status 429': () => (response) => !!response.writeHead(429).end('slow down'),
};

test('any mixture of faults that pass ends in the right bytes', async () => {
  const name = fc.constantFrom(...Object.keys(TRANSIENT));
  const fault = fc.record({ name, at: fc.nat(300_000) });
  await fc.assert(
    fc.asyncProperty(
      // Less than MAX_ATTEMPTS of them, then an answer: whatever their order, none is the last straw. Nor is a third silence
      // in a row from a server that has never answered.
      fc.array(fc.option(fault), { maxLength: 12 }),
      fc.integer({ min: PART_BYTES - 200_000, max: FILE.length - 1 }),
      async (schedule, start) => {
        let row = 0;
        let isReached = false;
        const server = fileServer({
          faults: (n) => {
            const next = schedule[n];
            row = next ? row + 1 : 0;
            isReached ||= next?.name !== 'no answer';
            if (n === 2 && !isReached) return undefined;
            return next && row < MAX_ATTEMPTS ? TRANSIENT[next.name]!(next.at) : undefined;
          },
        });
        const source = open(await serve(server.listener), { parallel: 2 });
        expect(same(await collect(source.stream(W, start, FILE.length)), FILE.subarray(start))).toBe(true);
      },
    ),
    { numRuns: 25 },
  );
});

test('a part goes on at the byte where its connection broke', async () => {
  const broken = TRANSIENT['a broken connection']!(1000);
  const server = fileServer({ faults: (n) => (n === 1 || n === 2 ? broken : undefined) });
  const notices: RetryNotice[] = [];
  const source = open(await serve(server.listener), { onRetry: (notice) => notices.push(notice) });
  expect(same(await source.read(W, 500_000, 900_000), FILE.subarray(500_000, 900_000))).toBe(true);
  const ranges = server.requests.slice(1).map(({ range }) => range);
  expect(ranges).toEqual(['bytes=500000-899999', 'bytes=501000-899999', 'bytes=502000-899999']);
  expect(notices.map(({ failures }) => failures)).toEqual([1, 1]);
});

test('in browsers, after a part that came fast, one that breaks begins anew once, and goes on where it breaks then', async () => {
  vi.stubGlobal('WorkerGlobalScope', class {}); // under Node nothing is read straight into memory
  onTestFinished(() => void vi.unstubAllGlobals());
  const broken = TRANSIENT['a broken connection']!(1000);
  const server = fileServer({ faults: (n) => (n === 2 || n === 3 ? broken : undefined) });
  const source = open(await serve(server.listener));
  await source.read(W, 0, 1000);
  expect(same(await source.read(W, 500_000, 900_000), FILE.subarray(500_000, 900_000))).toBe(true);
  const ranges = server.requests.slice(2).map(({ range }) => range);
  expect(ranges).toEqual(['bytes=500000-899999', 'bytes=500000-899999', 'bytes=501000-899999']);
});

test('a body that keeps ending early without a byte is given up, with both lengths and the count', async () => {
  const empty = TRANSIENT['a body that ends early']!(0);
  const server = fileServer({ faults: (n) => (n > 0 ? empty : undefined) });
  await expect(open(await serve(server.listener)).read(W, 0, 1000)).rejects.toMatchObject({
    code: 'network_error',
    message: expect.stringMatching(/sent 0 bytes of the 1000.*6 attempts/),
    details: { received: 0, expected: 1000, attempts: MAX_ATTEMPTS },
  });
});

test('a server that falls silent, before or within a body, is asked again', async () => {
  let time = 0;
  const alarms = new Set<() => void>();
  const surroundings = fakeSurroundings({
    now: () => time,
    after: (_ms, callback) => {
      alarms.add(callback);
      return () => alarms.delete(callback);
    },
  });
  const fallSilent = (): void => {
    time += 30_000;
    for (const alarm of [...alarms]) alarm();
  };
  const asked: unknown[] = [];
  const answers: ((signal: AbortSignal) => Response | Promise<Response>)[] = [
    () => new Response(FILE.slice(0, 1), { status: 206, headers: rangeHeader(0, 0) }),
    (signal) => {
      setImmediate(fallSilent);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
    (signal) => {
      const pieces = [FILE.slice(0, 100)];
      const body = new ReadableStream({
        start: (stream) => signal.addEventListener('abort', () => stream.error(signal.reason)),
        pull(stream) {
          const piece = pieces.pop();
          if (piece) stream.enqueue(piece);
          else setImmediate(fallSilent);
        },
      });
      return new Response(body, { status: 206 });
    },
    () => new Response(FILE.slice(100, 1000), { status: 206 }),
  ];
  const reasons: string[] = [];
  const source = createHttpSource('http://example.org', {
    surroundings,
    onRetry: ({ reason }) => reasons.push(reason),
    fetch: async (_, init) => {
      asked.push(new Headers(init!.headers).get('range'));
      return answers[asked.length - 1]!(init!.signal!);
    },
  });
  expect(same(await source.read(W, 0, 1000), FILE.subarray(0, 1000))).toBe(true);
  expect(reasons).toEqual(['Nothing came for 30 s.', 'Nothing came for 30 s.']);
  expect(asked).toEqual(['bytes=0-0', 'bytes=0-999', 'bytes=0-999', 'bytes=100-999']);
  expect(alarms.size).toBe(0);
});

test('a file that changes between two requests is an error that names both versions, never a mixture', async () => {
  const cases: [before: Record<string, string>, now: Record<string, string>, names: RegExp][] = [
    [{ etag: '"a"' }, { etag: '"b"' }, /from "a" to "b"/],
    [{ etag: 'W/"a"' }, { etag: 'W/"b"' }, /from W\/"a" to W\/"b"/],
    [
      { 'last-modified': 'Sat, 21 Nov 2026 00:00:00 GMT' },
      { 'last-modified': 'Sun, 22 Nov 2026 00:00:00 GMT' },
      /21 Nov.*22 Nov/,
    ],
    [
      { etag: 'W/"a"', 'last-modified': 'Sat, 21 Nov 2026 00:00:00 GMT' },
      { etag: 'W/"a"', 'last-modified': 'Sun, 22 Nov 2026 00:00:00 GMT' },
      /21 Nov.*22 Nov/,
    ],
    [{}, { 'content-range': `bytes 0-9/${FILE.length + 1}` }, new RegExp(`${FILE.length} bytes to ${FILE.length + 1}`)],
  ];
  for (const [before, now, names] of cases) {
    const changed: Fault = (response, first, last) =>
      !!response.writeHead(206, { ...rangeHeader(first, last), ...now }).end(FILE.subarray(first, last + 1));
    const server = fileServer({ headers: before, faults: (n) => (n === 1 ? changed : undefined) });
    const reading = open(await serve(server.listener)).read(W, 0, 10);
    await expect(reading).rejects.toMatchObject({ code: 'source_changed', message: expect.stringMatching(names) });
  }
  const shorter: Fault = (response) => !!response.writeHead(416, { 'content-range': 'bytes */5' }).end();
  const server = fileServer({ faults: (n) => (n === 1 ? shorter : undefined) });
  await expect(open(await serve(server.listener)).read(W, 0, 10)).rejects.toMatchObject({
    code: 'source_changed',
    details: { before: FILE.length, now: 5 },
  });
});

test('what does not tell of a change is not taken for one', async () => {
  const time = { 'last-modified': 'Sat, 21 Nov 2026 00:00:00 GMT' };
  const later = { 'last-modified': 'Sun, 22 Nov 2026 00:00:00 GMT' };
  const cases: [before: Record<string, string>, now: Record<string, string>][] = [
    [{ etag: '"a"' }, { etag: 'W/"a"' }], // weakened by a proxy
    [
      { etag: '"a"', ...time },
      { etag: '"a"', ...later },
    ], // another machine behind the same name
    [{ etag: '"a"' }, time],
  ];
  for (const [before, now] of cases) {
    const other: Fault = (response, first, last) =>
      !!response.writeHead(206, { ...rangeHeader(first, last), ...now }).end(FILE.subarray(first, last + 1));
    const server = fileServer({ headers: before, faults: (n) => (n === 1 ? other : undefined) });
    expect(await open(await serve(server.listener)).read(W, 0, 10)).toHaveLength(10);
  }
});

test('a server that shows no version is said once', async () => {
  const notices: string[] = [];
  const source = open(await serve(fileServer().listener), { onNotice: (text) => notices.push(text) });
  expect(await source.stat(W)).toEqual({ size: FILE.length, version: undefined });
  await source.stat('another.safetensors');
  expect(notices).toEqual([expect.stringContaining('neither ETag nor Last-Modified')]);
});

/** Ignores Range, with a length; each answer breaks after `limits[n]` bytes. */
function plainServer(limits: readonly number[] = [], headers: readonly Record<string, string>[] = []) {
  let n = -2; // the first request is the look at the file
  return fileServer({
    faults: () => (response) => {
      n++;
      response.writeHead(200, { 'content-length': FILE.length, etag: '"a"', ...headers[n] });
      const limit = limits[n] ?? FILE.length;
      if (limit >= FILE.length) response.end(FILE);
      else response.write(FILE.subarray(0, limit), () => setImmediate(() => response.destroy()));
      return true;
    },
  });
}

test('a server without Range is streamed in order; after a break what was delivered is skipped', async () => {
  const server = plainServer([PART_BYTES + 777, 5, PART_BYTES + 999]);
  const notices: string[] = [];
  const source = open(await serve(server.listener), { onNotice: (text) => notices.push(text) });
  const lengths: number[] = [];
  const pieces: Uint8Array[] = [];
  for await (const piece of source.stream(W, 0, FILE.length)) {
    expect(piece.buffer.byteLength).toBe(piece.length);
    lengths.push(piece.length);
    pieces.push(piece);
  }
  expect(lengths).toEqual([PART_BYTES, 300_000]);
  expect(same(Buffer.concat(pieces), FILE)).toBe(true);
  expect(server.requests).toHaveLength(5); // the look, three that broke, one that ended
  expect(notices).toEqual([expect.stringContaining('ignores Range')]);
  expect(same(await source.read(W, 1000, 2000), FILE.subarray(1000, 2000))).toBe(true);
  const changed = plainServer([100], [{}, { etag: '"b"' }]);
  await expect(collect(open(await serve(changed.listener)).stream(W, 0, FILE.length))).rejects.toMatchObject({
    code: 'source_changed',
  });
});

test('a server without Range is refused far from the beginning, and its endless bodies are never read', async () => {
  let sent = 0;
  const size = 1 << 30;
  const base = await serve((_, response) => {
    response.writeHead(200, { 'content-length': size, etag: '"a"' });
    const push = (): void => {
      while (!response.destroyed && sent < size) {
        sent += PART_BYTES;
        if (!response.write(FILE.subarray(0, PART_BYTES))) return void response.once('drain', push);
      }
    };
    push();
  });
  const source = open(base);
  expect(await source.stat(W)).toEqual({ size, version: '"a"' });
  expect(same(await source.read(W, 10, 2000), FILE.subarray(10, 2000))).toBe(true);
  await expect(source.read(W, size - 10, size)).rejects.toMatchObject({
    code: 'range_unsupported',
    details: { start: size - 10 },
  });
  expect(sent).toBeLessThan(64 << 20);
});
