/** A small server that speaks OpenAI's HTTP interface as far as fallbacks need it, with one answer to everything. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ServerOptions {
  /** What it answers, from the first word. */
  readonly story: string;
  /** The end of a rendered prompt, after which an answer so far may stand. */
  readonly header: string;
  /** What its /v1/completions take as a prompt; default: there is none. `ids` are bytes. */
  readonly completions?: readonly ('text' | 'ids')[];
  /** Refuses fields that OpenAI does not have. */
  readonly strict?: boolean;
  readonly apiKey?: string;
  /** Answers instead; undefined: goes on. */
  readonly intercept?: (request: Asked, response: ServerResponse) => true | undefined;
  /** Of a chat's choice instead of text. */
  readonly deltas?: readonly object[];
  /** Never ends its streams. */
  readonly stalls?: boolean;
  /** Lets pages of every origin ask. */
  readonly cors?: boolean;
}

export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: a body is what a test says it is
  readonly body: any;
}

export interface ConformingServer {
  readonly baseURL: string;
  readonly origin: string;
  readonly asked: readonly Asked[];
  /** Requests whose client left before their end. */
  readonly left: readonly string[];
  close(): Promise<void>;
}

export const MODEL = 'big-model';
const BEYOND_OPENAI = ['add_special_tokens', 'top_k', 'min_p', 'repetition_penalty', 'ignore_eos'];

export async function startServer(options: ServerOptions): Promise<ConformingServer> {
  const asked: Asked[] = [];
  const left: string[] = [];
  const server = createServer(async (request, response) => {
    if (options.cors) {
      response.setHeader('access-control-allow-origin', '*');
      response.setHeader('access-control-allow-headers', 'authorization, content-type');
    }
    if (request.method === 'OPTIONS') return void response.end();
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = JSON.parse(Buffer.concat(parts).toString('utf8'));
    const one = { path: request.url!, headers: request.headers, body };
    asked.push(one);
    response.on('close', () => !response.writableFinished && left.push(one.path));
    if (!options.intercept?.(one, response)) answer(one, response, options);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { baseURL: `${origin}/v1`, origin, asked, left, close };
}

export function sendError(response: ServerResponse, status: number, message: string, code: string | null = null) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code } }));
  return true as const;
}

function answer({ path, headers, body }: Asked, response: ServerResponse, options: ServerOptions): unknown {
  const { apiKey, completions = [], strict, story } = options;
  const isText = path === '/v1/completions';
  if (!isText && path !== '/v1/chat/completions') return sendError(response, 404, 'not found');
  if (isText && completions.length === 0) return sendError(response, 404, 'not found');
  if (apiKey && headers.authorization !== `Bearer ${apiKey}`) {
    return sendError(response, 401, `Incorrect key: ${headers.authorization}`, 'invalid_api_key');
  }
  if (body.model !== MODEL) return sendError(response, 404, `no model ${body.model}`, 'model_not_found');
  const unknown = strict ? Object.keys(body).find((field) => BEYOND_OPENAI.includes(field)) : undefined;
  if (unknown) return sendError(response, 422, `unknown field ${unknown}`);
  if (!isText) return stream(response, chatChunks(options, body), options);
  const form = typeof body.prompt === 'string' ? 'text' : 'ids';
  if (!completions.includes(form)) return sendError(response, 400, `prompt must be ${completions}`);
  const prompt = form === 'text' ? body.prompt : String.fromCharCode(...body.prompt);
  const soFar = prompt.slice(prompt.lastIndexOf(options.header) + options.header.length);
  if (!prompt.includes(options.header) || !story.startsWith(soFar)) {
    return sendError(response, 400, `the prompt does not begin this story: ${JSON.stringify(soFar)}`);
  }
  stream(response, textChunks(story.slice(soFar.length), body), options);
}

/** Tokens are characters. */
function cut(text: string, { max_tokens: limit = 16, stop = [] }: { max_tokens?: number; stop?: string[] }) {
  const ends = stop.map((each) => text.indexOf(each)).filter((at) => at >= 0);
  const whole = text.slice(0, Math.min(text.length, ...ends));
  return whole.length > limit ? { text: whole.slice(0, limit), reason: 'length' } : { text: whole, reason: 'stop' };
}

const usage = (prompt: number, completion: number) => ({
  usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
});

function* textChunks(rest: string, body: Asked['body']): Generator<object> {
  const { text, reason } = cut(rest, body);
  for (const piece of text.match(/.{1,3}/gs) ?? []) yield { choices: [{ index: 0, text: piece, finish_reason: null }] };
  yield { choices: [{ index: 0, text: '', finish_reason: reason }] };
  yield { choices: [], ...usage(body.prompt.length, text.length) };
}

function* chatChunks({ story, deltas }: ServerOptions, body: Asked['body']): Generator<object> {
  const { text, reason } = cut(story, { ...body, max_tokens: body.max_tokens ?? 1000 });
  const pieces = deltas ?? (text.match(/.{1,5}/gs) ?? []).map((content) => ({ content }));
  for (const delta of [{ role: 'assistant', content: '' }, ...pieces]) {
    yield { choices: [{ index: 0, delta, finish_reason: null }] };
  }
  yield { choices: [{ index: 0, delta: {}, finish_reason: deltas ? 'tool_calls' : reason }] };
  yield { choices: [], ...usage(7, text.length) };
}

function stream(response: ServerResponse, chunks: Iterable<object>, { stalls }: ServerOptions): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const chunk of chunks) {
    response.write(`data: ${JSON.stringify({ id: 'x', model: MODEL, ...chunk })}\n\n`);
    if (stalls) return;
  }
  response.end('data: [DONE]\n\n');
}
