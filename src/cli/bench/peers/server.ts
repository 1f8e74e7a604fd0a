/** Serves the pages from this checkout's sources, and the peers' folder below /peers/ on the same origin. */
import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import type { Plugin } from 'vite';
import { ISOLATION, serveSources } from '../../browser/checkout.ts';
import type { PeersFolder } from './folder.ts';
import { tokenizerFiles } from './tokenizer.ts';

const MOUNT = '/peers/';
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

export interface PeersServer {
  /** Of a page in the folder `page/`. */
  urlOf(page: 'index.html' | 'kernels.html'): string;
  close(): Promise<void>;
}

/** @param root of the checkout */
export async function servePeers(root: string, folder: PeersFolder): Promise<PeersServer> {
  const { origin, close } = await serveSources(root, 'bench-peers', {
    plugins: [mount(folder)],
    server: { headers: ISOLATION },
  });
  return { urlOf: (page) => new URL(`src/cli/bench/peers/page/${page}`, origin).href, close };
}

function mount(folder: PeersFolder): Plugin {
  const made: ReadonlyMap<string, string> = new Map(
    [...folder.models].flatMap(([name, vocabSize]) =>
      [...tokenizerFiles(vocabSize)].map(([file, text]) => [`models/${name}/${file}`, text] as const),
    ),
  );
  return {
    name: 'outrider:peers',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const { pathname } = new URL(request.url ?? '/', 'http://localhost');
        if (!pathname.startsWith(MOUNT)) return next();
        const path = normalize(decodeURIComponent(pathname.slice(MOUNT.length)));
        for (const [name, value] of Object.entries(ISOLATION)) response.setHeader(name, value);
        response.setHeader('Content-Type', TYPES[extname(path)] ?? 'application/octet-stream');
        const text = made.get(path);
        if (text !== undefined) response.end(text);
        else void sendFile(join(folder.path, path), request, response);
      });
    },
  };
}

/** The whole file, or one range of it; 404 for what is no file. */
async function sendFile(path: string, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const stats = await stat(path).catch(() => undefined as Stats | undefined);
  if (!stats?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  const start = first === undefined ? 0 : Number(first);
  const end = last ? Math.min(Number(last), stats.size - 1) : stats.size - 1;
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('Last-Modified', stats.mtime.toUTCString());
  response.setHeader('Content-Length', end - start + 1);
  if (first !== undefined) response.setHeader('Content-Range', `bytes ${start}-${end}/${stats.size}`);
  response.writeHead(first === undefined ? 200 : 206);
  createReadStream(path, { start, end }).pipe(response);
}
