import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ghostBytes } from '../../src/ghost/bytes.ts';
import { TINY } from '../../src/ghost/dims.ts';
import { type GhostServer, type GhostServerOptions, serveGhost } from '../../src/ghost/server.ts';
import { ghostSpec, withFiles } from '../../src/ghost/spec.ts';

const FILE = 'model.safetensors';
const spec = ghostSpec('scout-w4a16', { dims: TINY });
const size = spec.files.get(FILE)!.size;

const running: GhostServer[] = [];
async function serve(options: Partial<GhostServerOptions> = {}): Promise<GhostServer> {
  const server = await serveGhost({ spec, ...options });
  running.push(server);
  return server;
}
afterEach(() => Promise.all(running.splice(0).map((server) => server.close())));

const ask = (server: GhostServer, file: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
  fetch(server.url + file, { ...init, headers });
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());
const range = (start: number, end: number) => ({ Range: `bytes=${start}-${end - 1}` });

describe('a served ghost', () => {
  it("sends the ghost's bytes for any range, also across tensors of a file of gigabytes", async () => {
    const large = ghostSpec('scout-bf16', { dims: { layers: 1, vision: undefined } });
    const server = await serve({ spec: large });
    const files = [...large.files.values()].filter(({ path }) => path.endsWith('.safetensors'));
    const property = fc.asyncProperty(
      fc.constantFrom(...files),
      fc.nat(),
      fc.integer({ min: 1, max: 3_000_000 }),
      async (file, at, length) => {
        const boundary = file.segments[at % file.segments.length]!.end;
        const start = Math.max(0, boundary - length);
        const end = Math.min(file.size, boundary + 1_000_000);
        const response = await ask(server, file.path, range(start, end));
        expect(response.status).toBe(206);
        expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${file.size}`);
        expect((await bytesOf(response)).equals(ghostBytes(large, file.path, start, end))).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: 25 });
  });

  it('sends whole files, and says how long they are to HEAD', async () => {
    const server = await serve();
    for (const [path, file] of spec.files) {
      const whole = await bytesOf(await ask(server, path));
      expect(whole.equals(ghostBytes(spec, path, 0, file.size)), path).toBe(true);
      const head = await ask(server, path, {}, { method: 'HEAD' });
      expect(head.headers.get('content-length')).toBe(String(file.size));
      expect(head.headers.get('accept-ranges')).toBe('bytes');
    }
  });

  it('answers open and last ranges, ranges outside with 416, unknown files with 404', async () => {
    const server = await serve();
    const tail = await ask(server, FILE, { Range: 'bytes=-100' });
    const open = await ask(server, FILE, { Range: `bytes=${size - 100}-` });
    expect((await bytesOf(tail)).equals(await bytesOf(open))).toBe(true);
    const outside = await ask(server, FILE, range(size, size + 1));
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, `bytes */${size}`]);
    expect((await ask(server, 'tokenizer.json')).status).toBe(404);
    expect((await fetch(new URL('/config.json', server.url))).status).toBe(404);
    expect((await ask(server, FILE, {}, { method: 'POST' })).status).toBe(405);
  });

  it('counts what was asked for and sent, per file', async () => {
    const server = await serve();
    await bytesOf(await ask(server, FILE, range(10, 30)));
    await bytesOf(await ask(server, FILE, range(0, 5)));
    await bytesOf(await ask(server, 'config.json'));
    const config = spec.files.get('config.json')!.size;
    expect(server.counters.of(FILE)).toEqual({ requests: 2, bytes: 25 });
    expect([server.counters.requests, server.counters.bytes]).toEqual([3, 25 + config]);
    expect(server.counters.served[0]).toEqual({ method: 'GET', file: FILE, status: 206, start: 10, end: 30, sent: 20 });
  });

  it('answers every request with the whole file where it has no ranges', async () => {
    const server = await serve({ ranges: false });
    const response = await ask(server, FILE, range(0, 10));
    expect([response.status, response.headers.get('accept-ranges')]).toEqual([200, null]);
    expect(await bytesOf(response)).toHaveLength(size);
  });

  it.each([
    ['open', '*', true],
    ['hidden', '*', false],
    ['none', null, false],
  ] as const)('lets other origins read what CORS %s says', async (cors, origin, exposes) => {
    const server = await serve({ cors });
    const { headers } = await ask(server, FILE, range(0, 1));
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('access-control-expose-headers')?.includes('ETag') ?? false).toBe(exposes);
    const preflight = await ask(server, FILE, {}, { method: 'OPTIONS' });
    expect(preflight.headers.get('access-control-allow-headers')?.includes('Authorization') ?? false).toBe(
      origin === '*',
    );
  });

  it('sends ETag and Last-Modified as asked, and obeys the conditions on them', async () => {
    const server = await serve();
    const { headers } = await ask(server, FILE, range(0, 1));
    const etag = headers.get('etag')!;
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(Date.parse(headers.get('last-modified')!)).toBeLessThan(Date.now());
    expect((await ask(server, FILE, { 'If-None-Match': etag })).status).toBe(304);
    expect((await ask(server, FILE, { 'If-Match': '"another"' })).status).toBe(412);
    expect((await ask(server, FILE, { ...range(0, 1), 'If-Range': '"another"' })).status).toBe(200);
    expect((await ask(server, FILE, { ...range(0, 1), 'If-Range': etag })).status).toBe(206);
    const weak = await ask(await serve({ etag: 'weak' }), FILE, range(0, 1));
    expect(weak.headers.get('etag')).toBe(`W/${etag}`);
    const bare = await ask(await serve({ etag: 'none', lastModified: false }), FILE, range(0, 1));
    expect([bare.headers.get('etag'), bare.headers.get('last-modified')]).toEqual([null, null]);
  });

  it('compresses JSON for who takes it', async () => {
    const server = await serve({ compress: true });
    const path = 'config.json';
    const { length, encoding, body } = await new Promise<{ length: number; encoding?: string; body: Buffer }>(
      (resolve, reject) => {
        const asked = request(server.url + path, { headers: { 'Accept-Encoding': 'gzip' } }, async (response) => {
          const { 'content-length': bytes, 'content-encoding': coding } = response.headers;
          resolve({
            length: Number(bytes),
            ...(coding ? { encoding: coding } : {}),
            body: Buffer.concat(await response.toArray()),
          });
        });
        asked.on('error', reject).end();
      },
    );
    expect([encoding, length]).toEqual(['gzip', body.length]);
    expect(gunzipSync(body).equals(ghostBytes(spec, path, 0, spec.files.get(path)!.size))).toBe(true);
  });

  it('serves further files, and the hash of each', async () => {
    const tokenizer = new TextEncoder().encode('{}');
    const server = await serve({ spec: withFiles(spec, { 'tokenizer.json': tokenizer }) });
    expect(await (await ask(server, 'tokenizer.json')).json()).toEqual({});
    const digest = await crypto.subtle.digest('SHA-256', ghostBytes(spec, FILE, 0, size));
    const line = `${Buffer.from(digest).toString('hex')}  ${FILE}\n`;
    expect(await (await ask(server, `${FILE}.sha256`)).text()).toBe(line);
  });

  it('wants its token: 401 without, 403 with another', async () => {
    const server = await serve({ token: 'hf_right' });
    const status = async (headers: Record<string, string>) => (await ask(server, 'config.json', headers)).status;
    expect(await status({})).toBe(401);
    expect(await status({ Authorization: 'Bearer hf_wrong' })).toBe(403);
    expect(await status({ Authorization: 'Bearer hf_right' })).toBe(200);
  });

  it('redirects weights to a second origin, under addresses that expire and cannot be changed', async () => {
    const server = await serve({ token: 'hf_right', redirect: { expiresAfterMilliseconds: 60_000 } });
    const token = { Authorization: 'Bearer hf_right' };
    const followed = await ask(server, FILE, { ...token, ...range(5, 50) });
    expect(new URL(followed.url).origin).toBe(server.storage!.origin);
    expect((await bytesOf(followed)).equals(ghostBytes(spec, FILE, 5, 50))).toBe(true);
    expect(server.storage!.counters.of(FILE)).toEqual({ requests: 1, bytes: 45 });
    expect((await ask(server, 'config.json', token)).redirected).toBe(false);
    expect((await fetch(followed.url.replace('expires=', 'expires=9'))).status).toBe(403);
    expect((await fetch(followed.url, { headers: token })).status).toBe(400);
    const brief = await serve({ redirect: { expiresAfterMilliseconds: -1 } });
    expect((await ask(brief, FILE, range(0, 1))).status).toBe(403);
  });

  it('shows another upload by name, by bytes, or both', async () => {
    const server = await serve();
    const seen = async () => {
      const response = await ask(server, FILE, range(size - 5000, size));
      const { headers } = response;
      return [headers.get('etag'), headers.get('last-modified'), (await bytesOf(response)).toString('hex')];
    };
    const [etag, date, bytes] = await seen();
    server.upload('names');
    expect((await seen())[2]).toBe(bytes);
    expect((await seen()).slice(0, 2)).not.toContain(etag);
    expect((await seen()).slice(0, 2)).not.toContain(date);
    server.upload('bytes');
    expect((await seen())[2]).not.toBe(bytes);
    expect((await seen())[2]).toBe(Buffer.from(ghostBytes(spec, FILE, size - 5000, size, 1)).toString('hex'));
  });

  it('refuses connections while it is suspended, and is back at the same address', async () => {
    const server = await serve();
    await server.suspend();
    await expect(ask(server, 'config.json')).rejects.toThrow();
    await server.resume();
    expect((await ask(server, 'config.json')).status).toBe(200);
  });

  it('stops sending when the client has gone', async () => {
    const server = await serve({ spec: ghostSpec('scout-bf16', { dims: { layers: 1, vision: undefined } }) });
    const response = await ask(server, 'model-00001-of-00002.safetensors');
    await response.body!.cancel();
    const { sent } = server.counters.served[0]!;
    await bytesOf(await ask(server, 'config.json'));
    expect(sent).toBeLessThan(1e9);
    expect(server.counters.served[0]!.sent - sent).toBeLessThan(64e6);
  });

  it('keeps all connections together below the rate', async () => {
    const server = await serve({
      spec: ghostSpec('scout-bf16', { dims: { ...TINY, vocab: 9000 } }),
      throttleBytesPerSecond: 20e6,
    });
    const started = performance.now();
    await Promise.all([0, 1, 2, 3].map(async (i) => bytesOf(await ask(server, FILE, range(i * 1e6, (i + 1) * 1e6)))));
    // 4 MB at 20 MB/s are 200 ms, of which the first 50 ms may pass at once; only the lower bound is certain.
    expect(performance.now() - started).toBeGreaterThan(140);
  });
});
