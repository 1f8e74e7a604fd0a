import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { expect, test } from 'vitest';
import type { HubOptions } from '../../src/storage/hub.ts';
import { openSource } from '../../src/storage/open.ts';
import { FILE, fakeSurroundings, same, serve } from './http-server.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const TOKEN = 'hf_notasecret0123456789';
const WEIGHTS = FILE.subarray(0, 70_000);
const SHA256 = createHash('sha256').update(WEIGHTS).digest('hex');
const CONFIG = '{"model_type": "llama4"}';
const TREE = [
  { type: 'directory', oid: 'd'.repeat(40), size: 0, path: 'sub' },
  { type: 'file', oid: 'a'.repeat(40), size: CONFIG.length, path: 'config.json' },
  {
    type: 'file',
    oid: 'b'.repeat(40),
    size: WEIGHTS.length,
    path: 'sub/w.safetensors',
    lfs: { oid: SHA256, size: WEIGHTS.length, pointerSize: 134 },
  },
];

interface HubBehaviour {
  /** The status of the n-th answer, from 1; 0 for the right one. */
  readonly refuse?: (n: number) => number;
  /** Where the listing says that its next page is. */
  readonly next?: (page: number) => string;
}

interface Hub {
  readonly listener: RequestListener;
  readonly requests: string[];
}

/** Of the hub that was started last. */
let base: string;
const open = (location: string, options: HubOptions = {}) =>
  openSource(location, { endpoint: base, surroundings: fakeSurroundings(), ...options });

/** A hub with one repository, whose listing comes one entry a page. */
function hub({ refuse, next }: HubBehaviour): Hub {
  const requests: string[] = [];
  const listener: RequestListener = (request, response) => {
    const url = new URL(request.url!, 'http://hub');
    requests.push(`${url.pathname} ${request.headers.authorization ?? '-'}`);
    const status = refuse?.(requests.length);
    const json = (value: unknown, headers = {}) =>
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
    if (status) return void response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"no"}');
    if (/^\/api\/models\/Meta\/tiny\/revision\/(main|v1|refs%2Fpr%2F1)$/i.test(url.pathname)) {
      return void json({ _id: '1', id: 'meta/tiny', sha: COMMIT, private: false, lastModified: '2026-11-22' });
    }
    if (url.pathname === `/api/models/meta/tiny/tree/${COMMIT}`) {
      const page = Number(url.searchParams.get('cursor') ?? 0);
      const address = next?.(page + 1) ?? `${base}${url.pathname}?cursor=${page + 1}`;
      const link = page + 1 < TREE.length ? { link: `<${address}>; rel="next"` } : {};
      return void json([TREE[page]], link);
    }
    const file = url.pathname.split(`/meta/tiny/resolve/${COMMIT}/`)[1];
    const bytes = file === 'config.json' ? Buffer.from(CONFIG) : file === 'sub/w.safetensors' ? WEIGHTS : undefined;
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')?.map(Number) ?? [];
    if (bytes === undefined || last === undefined) return void response.writeHead(404).end();
    // Every edge of a content network has an ETag of its own; the commit is what pins the file.
    const headers = { 'content-range': `bytes ${first}-${last}/${bytes.length}`, etag: `"${requests.length}"` };
    response.writeHead(206, headers).end(bytes.subarray(first, last + 1));
  };
  return { listener, requests };
}

async function start(options: HubBehaviour = {}): Promise<Hub> {
  const started = hub(options);
  base = await serve(started.listener);
  return started;
}

test('a repository is resolved to a commit once, listed over all pages, and its files are known without asking', async () => {
  const { requests } = await start();
  const notices: string[] = [];
  const source = await open('hf:Meta/tiny@v1', { token: TOKEN, onNotice: (text) => notices.push(text) });
  expect([source.label, source.id]).toEqual(['hf:meta/tiny', `hf:meta/tiny@${COMMIT}`]);
  expect(requests).toHaveLength(1 + TREE.length);
  expect(await source.stat('config.json')).toEqual({ size: CONFIG.length, version: 'a'.repeat(40) });
  expect(await source.stat('sub/w.safetensors')).toEqual({ size: WEIGHTS.length, version: SHA256, sha256: SHA256 });
  expect(await source.stat('sub')).toBeUndefined();
  expect(await source.stat('tokenizer.json')).toBeUndefined();
  await expect(source.read('tokenizer.json', 0, 1)).rejects.toMatchObject({ code: 'model_not_found' });
  expect(requests).toHaveLength(1 + TREE.length);
  expect(same(await source.read('sub/w.safetensors', 5, 60_000), WEIGHTS.subarray(5, 60_000))).toBe(true);
  expect(same(await source.read('sub/w.safetensors', 0, 9), WEIGHTS.subarray(0, 9))).toBe(true);
  expect(new TextDecoder().decode(await source.read('config.json', 0, CONFIG.length))).toBe(CONFIG);
  expect(requests.every((request) => request.endsWith(` Bearer ${TOKEN}`))).toBe(true);
  expect(notices).toEqual([]);
});

test('hf: is opened by its scheme; a revision may be a branch with slashes; another form is refused', async () => {
  await start();
  const options = { endpoint: base, surroundings: fakeSurroundings() };
  expect((await openSource('hf:meta/tiny@refs/pr/1', options)).id).toBe(`hf:meta/tiny@${COMMIT}`);
  for (const location of ['hf:tiny', 'hf:a/b/c', 'hf:a/b@', 'hf:../b', 'hf:a/b?x=1']) {
    await expect(openSource(location, options)).rejects.toMatchObject({ code: 'invalid_request' });
  }
});

test('a gated repository says how to get in, with and without a token', async () => {
  await start({ refuse: () => 401 });
  await expect(open('hf:meta/tiny')).rejects.toMatchObject({
    code: 'access_denied',
    message: expect.stringMatching(/401.*accept the licence.*token/),
  });
  await start({ refuse: () => 403 });
  const refused = await open('hf:meta/tiny', { token: TOKEN }).catch((error) => error);
  expect(refused).toMatchObject({ code: 'access_denied', message: expect.stringContaining('token was refused') });
  expect(JSON.stringify(refused.serialize())).not.toContain(TOKEN);
  await start({ refuse: () => 404 });
  await expect(open('hf:meta/tiny')).rejects.toMatchObject({ code: 'model_not_found' });
});

test('the hub is asked again after what passes, and given up after what does not', async () => {
  const { requests } = await start({ refuse: (n) => (n % 2 === 1 ? 503 : 0) });
  expect((await open('hf:meta/tiny')).id).toBe(`hf:meta/tiny@${COMMIT}`);
  expect(requests).toHaveLength(2 * (1 + TREE.length));
  await start({ refuse: () => 500 });
  await expect(open('hf:meta/tiny')).rejects.toMatchObject({ code: 'network_error', details: { status: 500 } });
  await expect(open('hf:meta/tiny', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
});

test('a listing that leads to another origin is not followed, so that the token stays', async () => {
  const other = await start();
  const otherBase = base;
  await start({ next: () => `${otherBase}/api/models/meta/tiny/tree/${COMMIT}` });
  await expect(open('hf:meta/tiny', { token: TOKEN })).rejects.toMatchObject({
    code: 'network_error',
    message: expect.stringContaining(otherBase),
  });
  expect(other.requests).toEqual([]);
});
