/**
 * Serves a ghost over HTTP on 127.0.0.1, as a static host or a hub would: ranges, CORS, tokens, redirects to signed
 * addresses on a second origin, and faults on demand. Node only.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, answerFile, corsHeaders, type HeaderOptions, preflightHeaders } from './answer.ts';
import { filePieces, ghostSha256 } from './bytes.ts';
import { Counters, type Served } from './counters.ts';
import type { Fault, FaultPlan } from './faults.ts';
import { sendBody } from './send.ts';
import { Throttle } from './throttle.ts';
import type { GhostFile, GhostSpec } from './types.ts';

export interface GhostServerOptions extends HeaderOptions {
  readonly spec: GhostSpec;
  /** Default: any free one. */
  readonly port?: number | undefined;
  /** For all connections together; default unlimited. */
  readonly throttleBytesPerSecond?: number | undefined;
  readonly faults?: FaultPlan | undefined;
  /** Answers 401 without `Authorization: Bearer …`, and 403 with another token than this. */
  readonly token?: string | undefined;
  /** Sends requests for weights to a second origin, whose addresses are signed and work for so long. */
  readonly redirect?: { readonly expiresAfterMilliseconds: number } | undefined;
}

export interface GhostServer {
  /** The model's folder, with a slash at the end: `http://127.0.0.1:PORT/scout-w4a16/`. */
  readonly url: string;
  /** Where redirects lead. Its requests are counted apart from the first origin's. */
  readonly storage: { readonly origin: string; readonly counters: Counters } | undefined;
  readonly counters: Counters;
  /** From the next request on. */
  setFaults(plan: FaultPlan | undefined): void;
  /** From the next piece of a body on. */
  setThrottle(bytesPerSecond: number | undefined): void;
  /**
   * The model is uploaded again: from now on other weights, under another ETag and Last-Modified. What is being sent
   * goes on with the old ones. `bytes` and `names` choose one of the two: other bytes under the old ETag, or the old
   * bytes under another one.
   */
  upload(change?: 'both' | 'bytes' | 'names'): void;
  /** Ends all connections and refuses new ones. */
  suspend(): Promise<void>;
  /** Takes connections again, at the same address. */
  resume(): Promise<void>;
  close(): Promise<void>;
}

/** Two pieces may wait for the kernel, so that it has the next one when it is done with one. */
const HIGH_WATER_MARK = 3 << 20;
/** Of files up to this size `FILE.sha256` is served too. */
const MAX_HASHED_BYTES = 1 << 30;

/** State of one running ghost. */
interface Ghost {
  readonly options: GhostServerOptions;
  readonly secret: Buffer;
  faults: FaultPlan | undefined;
  throttle: Throttle | undefined;
  /** Of the weights, and of ETag and Last-Modified. */
  bytesRevision: number;
  namesRevision: number;
  /** Requests for files so far, on both origins. */
  index: number;
  storageOrigin: string | undefined;
}

export async function serveGhost(options: GhostServerOptions): Promise<GhostServer> {
  const { spec, throttleBytesPerSecond: rate, redirect } = options;
  const ghost: Ghost = {
    options,
    secret: randomBytes(16),
    faults: options.faults,
    throttle: rate === undefined ? undefined : new Throttle(rate),
    bytesRevision: 0,
    namesRevision: 0,
    index: 0,
    storageOrigin: undefined,
  };
  const counters = new Counters();
  const storageCounters = new Counters();
  const main = await listen(options.port ?? 0, (request, response) =>
    handle(ghost, counters, request, response, false),
  );
  const storage = redirect
    ? await listen(0, (request, response) => handle(ghost, storageCounters, request, response, true))
    : undefined;
  ghost.storageOrigin = storage?.origin;
  const servers = storage ? [main, storage] : [main];
  return {
    url: `${main.origin}/${spec.name}/`,
    storage: storage && { origin: storage.origin, counters: storageCounters },
    counters,
    setFaults: (plan) => {
      ghost.faults = plan;
    },
    setThrottle: (bytesPerSecond) => {
      ghost.throttle = bytesPerSecond === undefined ? undefined : new Throttle(bytesPerSecond);
    },
    upload: (change = 'both') => {
      if (change !== 'names') ghost.bytesRevision++;
      if (change !== 'bytes') ghost.namesRevision++;
    },
    suspend: () => each(servers, (server) => server.close()),
    resume: () => each(servers, (server) => server.open()),
    close: () => each(servers, (server) => server.close()),
  };
}

async function each(servers: readonly Listening[], act: (server: Listening) => Promise<void>): Promise<void> {
  await Promise.all(servers.map(act));
}

interface Listening {
  readonly origin: string;
  open(): Promise<void>;
  close(): Promise<void>;
}

async function listen(
  port: number,
  handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Listening> {
  const start = (at: number): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer({ highWaterMark: HIGH_WATER_MARK }, (request, response) => {
        handler(request, response).catch((error) => {
          if (response.headersSent) response.destroy(error);
          else response.writeHead(500).end(String(error));
        });
      });
      server.keepAliveTimeout = 60_000;
      server.once('error', reject);
      server.listen(at, '127.0.0.1', () => resolve(server));
    });
  let server: Server | undefined = await start(port);
  const actual = (server.address() as AddressInfo).port;
  return {
    origin: `http://127.0.0.1:${actual}`,
    async open() {
      server ??= await start(actual);
    },
    async close() {
      const closing = server;
      server = undefined;
      await new Promise<void>((resolve) => {
        if (!closing) return resolve();
        closing.close(() => resolve());
        closing.closeAllConnections();
      });
    },
  };
}

async function handle(
  ghost: Ghost,
  counters: Counters,
  request: IncomingMessage,
  response: ServerResponse,
  isStorage: boolean,
): Promise<void> {
  const { options } = ghost;
  const method = request.method ?? 'GET';
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const path = decodeURIComponent(url.pathname);
  const folder = `/${options.spec.name}/`;
  const name = path.startsWith(folder) ? path.slice(folder.length) : path;
  const refuse = (status: number, message: string): void => {
    counters.add({ method, file: name, status, start: 0, end: 0, sent: 0 });
    const body = method === 'HEAD' ? undefined : `${message}\n`;
    response.writeHead(status, { ...corsHeaders(options), 'Content-Type': 'text/plain' }).end(body);
  };
  if (method === 'OPTIONS') {
    counters.add({ method, file: name, status: 204, start: 0, end: 0, sent: 0 });
    response.writeHead(204, preflightHeaders(options)).end();
    return;
  }
  if (method !== 'GET' && method !== 'HEAD') return refuse(405, 'Only GET, HEAD and OPTIONS are served.');
  const denied = isStorage ? checkSignature(ghost, request, url) : checkToken(options.token, request);
  if (denied) return refuse(denied.status, denied.message);
  const file = path.startsWith(folder) ? findFile(ghost, name) : undefined;
  if (!file) return refuse(404, `There is no ${name} here.`);
  if (ghost.storageOrigin !== undefined && !isStorage && name.endsWith('.safetensors')) {
    counters.add({ method, file: name, status: 302, start: 0, end: 0, sent: 0 });
    response.writeHead(302, { ...corsHeaders(options), Location: signedUrl(ghost, url.pathname) }).end();
    return;
  }
  await serveFile(ghost, counters, file, request, response);
}

/** A file of the ghost, or `FILE.sha256`: the hash of one, as `sha256sum` prints it. */
function findFile({ options: { spec }, bytesRevision }: Ghost, name: string): GhostFile | undefined {
  const file = spec.files.get(name);
  if (file || !name.endsWith('.sha256')) return file;
  const hashed = spec.files.get(name.slice(0, -'.sha256'.length));
  if (!hashed || hashed.size > MAX_HASHED_BYTES) return undefined;
  const content = new TextEncoder().encode(`${ghostSha256(hashed, bytesRevision)}  ${hashed.path}\n`);
  return { path: name, size: content.length, segments: [{ start: 0, end: content.length, content }] };
}

async function serveFile(
  ghost: Ghost,
  counters: Counters,
  file: GhostFile,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const method = request.method ?? 'GET';
  const plain = answerFile(file, request.headers, ghost.namesRevision, ghost.options);
  const { start, end } = plain;
  const fault = ghost.faults?.({ method, file: file.path, start, end, index: ghost.index++ });
  const record = (status: number): Served => counters.add({ method, file: file.path, status, start, end, sent: 0 });
  if (fault?.kind === 'reset') {
    record(0);
    request.socket.destroy();
    return;
  }
  if (fault?.kind === 'status') {
    const wait = fault.retryAfterSeconds !== undefined ? { 'Retry-After': fault.retryAfterSeconds } : {};
    record(fault.status);
    response.writeHead(fault.status, { ...corsHeaders(ghost.options), ...wait }).end();
    return;
  }
  const isRevised = fault?.kind === 'revision';
  const revised = isRevised ? answerFile(file, request.headers, fault.revision, ghost.options) : plain;
  const answer = fault ? spoil(revised, fault, file) : revised;
  const served = record(answer.status);
  response.writeHead(answer.status, answer.headers);
  if (method === 'HEAD' || start === end) {
    response.end();
    return;
  }
  const revision = isRevised ? fault.revision : ghost.bytesRevision;
  const pieces = answer.encoded ? [answer.encoded] : filePieces(file, start, end, revision);
  await sendBody(response, pieces, { fault, served, throttle: () => ghost.throttle });
}

/** Faults that show in the headers. */
function spoil(answer: Answer, fault: Fault, { size }: GhostFile): Answer {
  const { start, end, headers, encoded } = answer;
  if (fault.kind === 'length' && start < end) {
    const length = Math.max(0, (encoded?.length ?? end - start) + fault.deltaBytes);
    return { ...answer, headers: { ...headers, 'Content-Length': length } };
  }
  if (fault.kind === 'content-range' && answer.status === 206) {
    const place = `bytes ${start + fault.shift}-${end - 1 + fault.shift}/${size}`;
    return { ...answer, headers: { ...headers, 'Content-Range': place } };
  }
  return answer;
}

interface Denied {
  readonly status: number;
  readonly message: string;
}

function checkToken(token: string | undefined, { headers }: IncomingMessage): Denied | undefined {
  if (token === undefined || headers.authorization === `Bearer ${token}`) return undefined;
  return headers.authorization === undefined
    ? { status: 401, message: 'This model is gated: send a token.' }
    : { status: 403, message: 'This token has no access to this model.' };
}

function signedUrl(ghost: Ghost, pathname: string): string {
  const expires = String(Date.now() + ghost.options.redirect!.expiresAfterMilliseconds);
  const query = new URLSearchParams({ expires, signature: sign(ghost, pathname, expires) });
  return `${ghost.storageOrigin}${pathname}?${query}`;
}

/** Like object stores: an expired or altered address is 403, and a token beside the signature is an error of its own. */
function checkSignature(ghost: Ghost, { headers }: IncomingMessage, url: URL): Denied | undefined {
  const expires = url.searchParams.get('expires') ?? '';
  if (headers.authorization !== undefined) return { status: 400, message: 'Only one way of authorization, please.' };
  if (url.searchParams.get('signature') !== sign(ghost, url.pathname, expires)) {
    return { status: 403, message: 'The signature does not match.' };
  }
  return Date.now() > Number(expires) ? { status: 403, message: 'This address has expired.' } : undefined;
}

function sign({ secret }: Ghost, pathname: string, expires: string): string {
  return createHmac('sha256', secret).update(`${pathname} ${expires}`).digest('hex');
}
