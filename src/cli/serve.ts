/** `outrider serve SOURCE`: OpenAI's HTTP interface over a model on this machine's GPU, for any client on this machine. */
import { parseArgs } from 'node:util';
import { createFetch, MAX_BODY_BYTES } from '../api/fetch.ts';
import { OutriderError } from '../errors.ts';
import { createEngine, type Engine, type LoadProgress } from '../index.ts';
import { type ApiServer, type ServeOptions, serveFetch } from './serve/server.ts';

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  token: { type: 'string' },
  cors: { type: 'string', multiple: true },
  'context-length': { type: 'string' },
  'max-body': { type: 'string' },
} as const;

const DEFAULT_PORT = 8000;
/** How long running answers may take to end once the server is told to stop. */
const GRACE_MS = 10_000;
/** Clients and proxies wait a minute or more for headers; a long prompt, or a queue, may take longer than that. */
const HEADERS_AFTER_MS = 20_000;

const USAGE = `Usage: outrider serve SOURCE [options]
  SOURCE               a folder in the Hugging Face layout, its URL, or hf:owner/name[@revision]; HF_TOKEN opens gated ones
  --port N             default ${DEFAULT_PORT}; 0: any free one
  --host ADDRESS       default 127.0.0.1; any other than a loopback address lets other machines in and needs a token
  --token TOKEN        ask for "Authorization: Bearer TOKEN"; default the environment's OUTRIDER_TOKEN, else none
  --cors ORIGIN        let pages of this origin use the server, as in --cors http://localhost:5173; may be repeated
  --context-length N   tokens; default the least of the model's, 8192 and what the GPU allows
  --max-body BYTES     of a request; default ${MAX_BODY_BYTES}`;

/** Serves until it is interrupted: the first signal lets running answers end, the second ends them. */
export async function main(argv: readonly string[]): Promise<number> {
  const { source, contextLength, server: options } = parseCommand(argv);
  const engine = await createEngine(source, {
    worker: false,
    contextLength,
    token: process.env.HF_TOKEN,
    onProgress: reportLoading(),
  });
  try {
    const handler = createFetch(engine, { maxBodyBytes: options.maxBodyBytes, headersAfterMs: HEADERS_AFTER_MS });
    const server = await serveFetch(handler, options);
    console.log(describe(server.url, engine, options));
    await untilStopped(server);
  } finally {
    await engine.unload();
  }
  return 0;
}

interface Command {
  readonly source: string;
  readonly contextLength: number | undefined;
  readonly server: ServeOptions;
}

function parseCommand(argv: readonly string[]): Command {
  const { values, positionals } = parseOrExplain(argv);
  const [source, ...more] = positionals;
  if (source === undefined || more.length > 0) throw misuse('Name one source');
  const token = values.token ?? process.env.OUTRIDER_TOKEN;
  if (token !== undefined && !/^\S+$/.test(token)) throw misuse('The token must have characters, and no blanks');
  return {
    source,
    contextLength: wholeNumber('--context-length', values['context-length'], 1, 2 ** 31),
    server: {
      host: values.host,
      port: wholeNumber('--port', values.port, 0, 65_535) ?? DEFAULT_PORT,
      token,
      corsOrigins: (values.cors ?? []).map(origin),
      maxBodyBytes: wholeNumber('--max-body', values['max-body'], 1, 2 ** 31) ?? MAX_BODY_BYTES,
    },
  };
}

function parseOrExplain(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (cause) {
    throw misuse((cause as Error).message);
  }
}

function wholeNumber(option: string, text: string | undefined, low: number, high: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= low && value <= high) return value;
  throw misuse(`${option} is "${text}"; it must be a whole number from ${low} to ${high}`);
}

/** As browsers write it in `Origin`. */
function origin(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text;
  throw misuse(`--cors is "${text}"; it must be an origin, such as https://example.org or http://localhost:5173`);
}

/** One line per phase and tenth of it. */
function reportLoading(): (progress: LoadProgress) => void {
  let last = '';
  return ({ text, progress }) => {
    const line = `${text} ${Math.floor(10 * progress)}0 %`;
    if (line !== last) console.error(line);
    last = line;
  };
}

function describe(url: string, engine: Engine, { token, corsOrigins }: ServeOptions): string {
  const authorization = token === undefined ? '' : " -H 'Authorization: Bearer TOKEN'";
  const request = { model: engine.model.id, messages: [{ role: 'user', content: 'Hello' }] };
  return [
    `${engine.model.id} answers at ${url}/v1 (Ctrl+C ends it)`,
    ...(corsOrigins?.length ? [`Pages of ${corsOrigins.join(', ')} may use it.`] : []),
    `  curl ${url}/v1/chat/completions${authorization} -H 'Content-Type: application/json' -d '${JSON.stringify(request)}'`,
  ].join('\n');
}

async function untilStopped(server: ApiServer): Promise<void> {
  const signal = () =>
    new Promise<void>((resolve) => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve());
    });
  await signal();
  console.error('Stopping; running answers have ten seconds, or until the next signal.');
  const closed = server.close(GRACE_MS);
  void signal().then(() => server.close(0));
  await closed;
}

function misuse(what: string): OutriderError {
  return new OutriderError('invalid_request', `${what}.\n${USAGE}`);
}
