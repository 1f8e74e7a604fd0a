/** Somebody else's site that uses the built element: plain pages with a strict policy, and a second origin for the script and the model. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../../src/build/fresh.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What the element promises to work under. */
export const strictPolicy = "default-src 'self'; script-src 'self'; worker-src 'self' blob:; connect-src 'self'";

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.html': 'text/html; charset=utf-8',
};

type Headers = Readonly<Record<string, string>>;

export interface ForeignSite {
  /** Without a slash at the end. */
  readonly url: string;
  /** Another origin with the same script and model, under CORS. */
  readonly otherUrl: string;
  /** Puts a page on the site, with these headers besides its type. @returns its address */
  addPage(html: string, headers?: Headers): string;
  close(): void;
}

export async function serveForeignSite(): Promise<ForeignSite> {
  await ensureBuilt('element');
  const folder = join(root, 'dist/element'); // as it is in the package
  const pages = new Map<string, { html: string; headers: Headers }>();
  const serve = (headers: Headers) =>
    createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://site').pathname;
      const page = pages.get(path);
      if (path === '/favicon.ico') return void response.writeHead(204).end();
      if (request.method === 'OPTIONS') return void response.writeHead(204, headers).end();
      if (page)
        return void response.writeHead(200, { 'content-type': types['.html']!, ...page.headers }).end(page.html);
      const folderOf = path.startsWith('/models/') ? join(root, 'public') : folder;
      const file = path === '/axe.js' ? join(root, 'node_modules/axe-core/axe.min.js') : join(folderOf, path);
      sendFile(file, request.headers.range, headers, response);
    });
  // A page with COEP takes only what says that it may be taken.
  const servers = [
    serve({ 'cross-origin-resource-policy': 'cross-origin' }),
    serve({
      'cross-origin-resource-policy': 'cross-origin',
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'range',
      'access-control-expose-headers': 'content-range, content-length',
    }),
  ];
  const [url, otherUrl] = (await Promise.all(servers.map(listen))) as [string, string];
  return {
    url,
    otherUrl,
    addPage(html, headers = {}) {
      const path = `/page-${pages.size}`;
      pages.set(path, { html, headers });
      return url + path;
    },
    close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

/** First and last byte that a `Range` names, each undefined where it does not. */
function rangeOf(range = ''): (number | undefined)[] {
  const match = /^bytes=(\d+)-(\d+)?$/.exec(range) ?? [];
  return [1, 2].map((group) => (match[group] === undefined ? undefined : Number(match[group])));
}

/** With `Range`, as the loader reads weights. */
function sendFile(path: string, range: string | undefined, headers: Headers, response: ServerResponse): void {
  if (path.includes('..') || !existsSync(path) || !extname(path)) return void response.writeHead(404, headers).end();
  const bytes = readFileSync(path);
  const [from = 0, to = bytes.length - 1] = rangeOf(range);
  const piece = bytes.subarray(from, to + 1);
  const shared = { ...headers, 'content-type': types[extname(path)] ?? 'application/octet-stream' };
  const length = { 'content-length': piece.length, 'accept-ranges': 'bytes' };
  const partial = { 'content-range': `bytes ${from}-${from + piece.length - 1}/${bytes.length}` };
  response.writeHead(range ? 206 : 200, { ...shared, ...length, ...(range ? partial : {}) }).end(piece);
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
