/** The embedded model once more, from another origin: with CORS and Range, a pace to choose, and a record of what was asked. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** On this machine's disk. */
export const modelFolder = fileURLToPath(new URL('../../public/models/llama-scoutling', import.meta.url));
const cors = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'range, authorization',
  'access-control-expose-headers': 'content-range, content-length, etag, accept-ranges',
};

export interface ModelServer {
  /** Folders `open/…` and `gated/…`; the latter want `token`. */
  readonly url: string;
  readonly token: string;
  /** What was asked, as `file` or `file bytes=…`, since the last `forget`. */
  readonly asked: string[];
  /** Bytes of weights that were sent since the last `forget`. */
  weightBytes: number;
  /** Bytes per second and connection; undefined: as fast as it goes. */
  pace: number | undefined;
  forget(): void;
  close(): void;
}

export async function serveModel(): Promise<ModelServer> {
  const server = createServer((request, response) => answer(request, response, state));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const state: ModelServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: 'hf_secret',
    asked: [],
    weightBytes: 0,
    pace: undefined,
    forget() {
      this.asked.length = 0;
      this.weightBytes = 0;
    },
    close: () => stop(server),
  };
  return state;
}

function stop(server: Server): void {
  server.close();
  server.closeAllConnections();
}

function answer(request: IncomingMessage, response: ServerResponse, state: ModelServer): void {
  const [, kind, , file = ''] = (request.url ?? '').split('/');
  if (request.method === 'OPTIONS') return void response.writeHead(204, cors).end();
  const { range, authorization } = request.headers;
  state.asked.push(range ? `${file} ${range}` : file);
  if (kind === 'gated' && authorization !== `Bearer ${state.token}`) return void response.writeHead(401, cors).end();
  const path = `${modelFolder}/${file}`;
  if (!/^[\w.-]+$/.test(file) || !existsSync(path)) return void response.writeHead(404, cors).end();
  const { size } = statSync(path);
  const [, from, to] = /^bytes=(\d+)-(\d+)?$/.exec(range ?? '') ?? [];
  const start = Number(from ?? 0);
  const end = Math.min(size - 1, Number(to ?? size - 1));
  const headers = { ...cors, etag: `"${size}"`, 'accept-ranges': 'bytes', 'content-length': end - start + 1 };
  const partial = { ...headers, 'content-range': `bytes ${start}-${end}/${size}` };
  response.writeHead(range ? 206 : 200, range ? partial : headers);
  if (request.method === 'HEAD') return void response.end();
  void send(path, start, end, response, state);
}

async function send(path: string, start: number, end: number, response: ServerResponse, state: ModelServer) {
  for await (const piece of createReadStream(path, { start, end, highWaterMark: 32_768 })) {
    if (response.destroyed) return;
    if (path.endsWith('.safetensors')) state.weightBytes += piece.length;
    response.write(piece);
    if (state.pace) await new Promise((resolve) => setTimeout(resolve, (1000 * piece.length) / state.pace!));
  }
  response.end();
}
