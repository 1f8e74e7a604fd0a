/**
 * OpenAI's HTTP interface over an engine, as a function that looks like `fetch`: official clients take it for a server.
 * Nothing goes over a network; it runs wherever the engine does. `outrider serve` puts a socket in front of it.
 *
 *   POST …/v1/chat/completions, POST …/v1/completions     an answer, or server-sent events with `stream: true`
 *   GET  …/v1/models, GET …/v1/models/{id}
 */
import { abortable, linkSignals } from '../ports/abortable.ts';
import { requestError, toOpenAIError } from './errors.ts';
import { streamEvents } from './http/events.ts';

interface Creates {
  create(request: unknown, options: { readonly signal: AbortSignal }): Promise<unknown>;
}

/** What is served: an `Engine`, or whatever has these parts of it. */
export interface ServedEngine {
  readonly chat: { readonly completions: Creates };
  readonly completions: Creates;
  readonly models: { list(): Promise<unknown>; retrieve(id: string): Promise<unknown> };
}

export interface FetchOptions {
  /** Bytes of a request's body; more is status 413. Default 16 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /**
   * Milliseconds after which a stream's status 200 is sent even if nothing was generated yet, for clients that wait
   * for headers only so long; what fails later comes as an event. Default: never, so that every status is the true one.
   */
  readonly headersAfterMs?: number | undefined;
}

export const MAX_BODY_BYTES = 16 * 2 ** 20;

/** What a route does with a request. Rejects with what becomes an error object. */
type Handler = (request: Request, signal: AbortSignal) => Promise<unknown>;

interface Route {
  readonly method: 'GET' | 'POST';
  readonly answer: Handler;
}

/** A failure that already is an answer. */
class Refusal extends Error {
  readonly response: Response;

  constructor(response: Response) {
    super();
    this.response = response;
  }
}

/**
 * A bound `fetch` that the engine answers, whatever the origin and the path before `/v1`; a URL may be relative.
 *
 * As with `fetch`, the promise rejects only for a request that cannot be made (TypeError), and with the signal's reason;
 * other failures are answers with OpenAI's error object and `x-should-retry: false`. In the middle of a stream they are an
 * event `data: {"error": …}`, after which the body ends without `[DONE]`. The signal, and cancelling the body, stop the
 * generation.
 */
export function createFetch(engine: ServedEngine, options: FetchOptions = {}): typeof fetch {
  const { maxBodyBytes = MAX_BODY_BYTES, headersAfterMs } = options;
  return async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const given = init?.signal === undefined && isRequest(input) ? input.signal : init?.signal;
    given?.throwIfAborted();
    // Without its signal: a Request listens to that for as long as it lives.
    const request = new Request(absolute(input), { ...init, signal: null });
    const stop = new AbortController();
    const { signal, unlink } = linkSignals([given ?? undefined, stop.signal]);
    try {
      const answer = await findRoute(engine, request, maxBodyBytes).answer(request, signal);
      if (!isStream(answer)) {
        unlink();
        return request.method === 'HEAD' ? new Response(null, Response.json(answer)) : Response.json(answer);
      }
      return await streamEvents(answer, { signal, headersAfterMs, stop: () => stop.abort(), onEnd: unlink });
    } catch (error) {
      unlink();
      if (signal.aborted) throw signal.reason;
      return error instanceof Refusal ? error.response : errorResponse(toOpenAIError(error));
    }
  };
}

/** Also of another realm, such as a frame's. */
const isRequest = (input: RequestInfo | URL): input is Request => typeof input === 'object' && 'signal' in input;

/** An answer that is a failure. */
export function errorResponse(
  { status, body }: ReturnType<typeof toOpenAIError>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(body, { status, headers: { 'x-should-retry': 'false', ...headers } });
}

/** A worker from a Blob and Node have no base that a relative URL could be resolved against, and any will do. */
function absolute(input: RequestInfo | URL): RequestInfo | URL {
  return typeof input === 'string' ? new URL(input, 'http://outrider/') : input;
}

function findRoute(engine: ServedEngine, { method, url }: Request, maxBodyBytes: number): Route {
  const { pathname } = new URL(url);
  const [, name, id] = /\/v1\/(chat\/completions|completions|models)(?:\/([^/]+))?\/?$/.exec(pathname) ?? [];
  const route = name === undefined ? undefined : routeOf(engine, name, id, maxBodyBytes);
  if (!route) {
    const message =
      `There is no ${pathname} here. The paths are /v1/chat/completions, /v1/completions, /v1/models and ` +
      '/v1/models/{id}, under any prefix.';
    throw new Refusal(errorResponse(requestError(404, message, 'not_found')));
  }
  if (method === route.method || (method === 'HEAD' && route.method === 'GET')) return route;
  const message = `${pathname} takes ${route.method}, not ${method}.`;
  const allow = route.method === 'GET' ? 'GET, HEAD' : 'POST';
  throw new Refusal(errorResponse(requestError(405, message, 'method_not_allowed'), { allow }));
}

function routeOf(
  { chat, completions, models }: ServedEngine,
  name: string,
  id: string | undefined,
  maxBodyBytes: number,
): Route | undefined {
  if (name === 'models') {
    return { method: 'GET', answer: () => (id === undefined ? models.list() : models.retrieve(decodeId(id))) };
  }
  if (id !== undefined) return undefined;
  const api = name === 'completions' ? completions : chat.completions;
  return {
    method: 'POST',
    answer: async (request, signal) => {
      const body = await readJson(request, maxBodyBytes, signal);
      const isStreamed = typeof body === 'object' && body !== null && 'stream' in body && body.stream === true;
      const answer = api.create(body, { signal });
      return isStreamed ? flatten(answer as Promise<AsyncIterable<unknown>>) : answer;
    },
  };
}

/** The chunks of a stream that is still to be opened. */
async function* flatten(opening: Promise<AsyncIterable<unknown>>): AsyncGenerator<unknown, void, undefined> {
  yield* await opening;
}

/** An id that is badly escaped is no model's, and is asked for as it stands. */
function decodeId(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

async function readJson(request: Request, maxBodyBytes: number, signal: AbortSignal): Promise<unknown> {
  const bytes = await abortable(request.arrayBuffer(), signal);
  if (bytes.byteLength > maxBodyBytes) throw new Refusal(errorResponse(tooLarge(bytes.byteLength, maxBodyBytes)));
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const message = `The body is not JSON in UTF-8: ${(error as Error).message}. Send a JSON object.`;
    throw new Refusal(errorResponse(requestError(400, message, 'invalid_json')));
  }
}

/** @param bytes undefined where the sender was stopped before its end */
export function tooLarge(bytes: number | undefined, maxBodyBytes: number): ReturnType<typeof toOpenAIError> {
  const found = bytes === undefined ? 'more bytes' : `${bytes} bytes`;
  return requestError(413, `The body has ${found}; at most ${maxBodyBytes} are read. Send less.`, 'body_too_large');
}

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}
