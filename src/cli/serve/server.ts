/** A `fetch` function behind a port of this machine: Node's requests in, Web responses out. Node only. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { requestError, toOpenAIError } from '../../api/errors.ts';
import { errorResponse, tooLarge } from '../../api/fetch.ts';
import { OutriderError } from '../../errors.ts';
import { type AccessPolicy, checkNames, checkToken, isLoopback } from './access.ts';

export interface ServeOptions {
  /** Default 127.0.0.1. Another address than a loopback one needs a token. */
  readonly host?: string | undefined;
  /** Default 0: any free one. */
  readonly port?: number | undefined;
  /** Not empty. Default: none is asked for. */
  readonly token?: string | undefined;
  /** Origins whose pages may use the server, as browsers write them. Default none. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Bytes of a request's body. */
  readonly maxBodyBytes: number;
}

export interface ApiServer {
  /** `http://host:port`, without a slash at its end. */
  readonly url: string;
  /** Takes no new requests; resolves when the running ones have ended, which is at most `graceMs` later. */
  close(graceMs: number): Promise<void>;
}

/**
 * Serves `handler`, an engine's `fetch`. A client that goes away aborts its request.
 * @throws OutriderError `invalid_request`: another host than loopback without a token, or an address that cannot be had
 */
export async function serveFetch(handler: typeof fetch, options: ServeOptions): Promise<ApiServer> {
  const { host = '127.0.0.1', port = 0, token, corsOrigins = [], maxBodyBytes } = options;
  const loopback = isLoopback(host);
  if (!loopback && token === undefined) {
    throw misuse(
      `The host ${host} lets other machines in, so a token is needed. Give one with --token, or leave out --host.`,
    );
  }
  const server = createServer((request, response) => {
    const policy = { token, corsOrigins, loopback, port: (server.address() as AddressInfo | null)?.port ?? port };
    void answer(handler, policy, maxBodyBytes, request, response);
  });
  await listen(server, host, port);
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${(server.address() as AddressInfo).port}`,
    close: (graceMs) => close(server, graceMs),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(misuse(`${host}:${port} cannot be listened on: ${cause.message}. Choose another with --port.`, cause));
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

/** Never rejects. */
async function answer(
  handler: typeof fetch,
  policy: AccessPolicy,
  maxBodyBytes: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const result = await respond(handler, policy, maxBodyBytes, request, gone.signal);
    await send(response, result, corsHeaders(request, policy));
  } catch (error) {
    if (gone.signal.aborted) return;
    if (response.headersSent) response.destroy();
    else await send(response, errorResponse(toOpenAIError(error)), {}).catch(() => response.destroy());
  }
}

async function respond(
  handler: typeof fetch,
  policy: AccessPolicy,
  maxBodyBytes: number,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<Response> {
  const denied = checkNames(request.headers, policy);
  if (denied) return errorResponse(denied);
  if (isPreflight(request)) return new Response(null, { status: 204, headers: preflightHeaders(request) });
  const unknown = checkToken(request.headers, policy.token);
  if (unknown) return errorResponse(unknown, { 'www-authenticate': 'Bearer' });
  const { method = 'GET', url = '/' } = request;
  if (method === 'TRACE') return errorResponse(requestError(405, 'TRACE is not served.', 'method_not_allowed'));
  const body = await readBody(request, maxBodyBytes);
  if (body === undefined) return errorResponse(tooLarge(undefined, maxBodyBytes), { connection: 'close' });
  const hasBody = method !== 'GET' && method !== 'HEAD';
  return handler(pathOf(url), { method, signal, ...(hasBody && { body }) });
}

/** Of a request's target, which proxies send as a whole URL. */
function pathOf(target: string): string {
  return URL.canParse(target) ? new URL(target).pathname : `/${target.replace(/^\/+/, '').replace(/[?#].*$/, '')}`;
}

/** @returns undefined where there are more bytes than allowed; what is left of them is not read */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer<ArrayBuffer> | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return undefined;
  const pieces: Buffer[] = [];
  let bytes = 0;
  // Destroying the request would take the connection along, and the answer with it.
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

const isPreflight = ({ method, headers }: IncomingMessage) =>
  method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;

/** The origin has been checked already; so has the absence of one. */
function corsHeaders({ headers: { origin } }: IncomingMessage, policy: AccessPolicy): Record<string, string> {
  if (policy.corsOrigins.length === 0) return {};
  const allowed = origin !== undefined && policy.corsOrigins.includes(origin);
  return {
    vary: 'Origin',
    ...(allowed && { 'access-control-allow-origin': origin, 'access-control-expose-headers': 'x-should-retry' }),
  };
}

/** Official clients send headers of their own beside Authorization and Content-Type. */
function preflightHeaders({ headers }: IncomingMessage): Record<string, string> {
  return {
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers': headers['access-control-request-headers'] ?? 'authorization, content-type',
    'access-control-max-age': '600',
    ...(headers['access-control-request-private-network'] && { 'access-control-allow-private-network': 'true' }),
  };
}

/** Rejects when the client goes away, which cancels the body. */
async function send(response: ServerResponse, result: Response, more: Readonly<Record<string, string>>): Promise<void> {
  response.writeHead(result.status, { ...Object.fromEntries(result.headers), ...more });
  if (!result.body) return void response.end();
  response.flushHeaders(); // a stream's first event may be long in coming
  await pipeline(result.body as unknown as AsyncIterable<Uint8Array>, response);
}

function misuse(message: string, cause?: unknown): OutriderError {
  return new OutriderError('invalid_request', message, { cause });
}
