/** An OpenAI-compatible server: requests out, chunks in. */
import type { OutriderError } from '../../errors.ts';
import { type Fields, isFields } from '../fields.ts';
import { type Asked, brokenStream, saidInStream, statusError, unreachable } from './errors.ts';
import type { Destination } from './options.ts';
import { readEvents } from './sse.ts';

export type Path = 'completions' | 'chat/completions';

export class RemoteServer {
  readonly origin: string;
  readonly model: string;
  readonly #destination: Destination;

  constructor(destination: Destination) {
    this.#destination = destination;
    this.origin = destination.origin;
    this.model = destination.model;
  }

  /**
   * Asks for a stream. Leaving it early ends the request.
   * @param fields without `model` and what makes it a stream
   * @returns chunks, once the server has accepted the request; they throw OutriderError `network_error` where it ends badly
   * @throws OutriderError `access_denied`, `network_error`, `invalid_request`, `context_overflow`, with `details.status` where
   *   the server said no; or the signal's reason
   */
  async open(path: Path, fields: Fields, signal: AbortSignal): Promise<AsyncGenerator<Fields, void, undefined>> {
    const { base, origin, model, apiKey } = this.#destination;
    const asked: Asked = { origin, url: `${base}/${path}`, model, apiKey };
    const response = await this.#post(asked, { ...fields, model }, signal);
    if (!response.ok) {
      const said = await response.text().catch(() => '');
      signal.throwIfAborted();
      throw statusError(response.status, said, asked);
    }
    if (response.body && /\btext\/event-stream\b/.test(response.headers.get('content-type') ?? '')) {
      return chunksOf(response.body, asked, signal);
    }
    await response.body?.cancel();
    throw brokenStream('did not stream its answer, as it was asked to', asked);
  }

  /** Goes to this address and nowhere else: a redirection would take the conversation along. */
  async #post(asked: Asked, fields: Fields, signal: AbortSignal): Promise<Response> {
    const headers = new Headers({ 'content-type': 'application/json', accept: 'text/event-stream' });
    if (asked.apiKey !== undefined) headers.set('authorization', `Bearer ${asked.apiKey}`);
    try {
      return await fetch(asked.url, {
        method: 'POST',
        headers,
        body: JSON.stringify({ ...fields, stream: true, stream_options: { include_usage: true } }),
        signal,
        redirect: 'error',
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        cache: 'no-store',
      });
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(asked, error);
    }
  }
}

/** Ends at `[DONE]`, or with the body. */
async function* chunksOf(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  asked: Asked,
  signal: AbortSignal,
): AsyncGenerator<Fields, void, undefined> {
  let finished = false;
  try {
    for await (const data of readEvents(body)) {
      if (data === '[DONE]') return;
      const chunk = parseChunk(data, asked);
      if ((chunk.error ?? null) !== null) throw brokenStream(saidInStream(chunk.error), asked);
      finished ||= choiceOf(chunk)?.finish_reason != null;
      yield chunk;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw isOwn(error) ? error : brokenStream('broke the connection', asked, error);
  }
  if (!finished) throw brokenStream('ended its stream in the middle', asked);
}

function parseChunk(data: string, asked: Asked): Fields {
  try {
    const chunk: unknown = JSON.parse(data);
    if (isFields(chunk)) return chunk;
  } catch {
    // told below
  }
  throw brokenStream(`sent what is no chunk: ${data}`, asked);
}

const isOwn = (error: unknown): error is OutriderError => (error as Error)?.name === 'OutriderError';

/** The one choice that is asked for; undefined in a chunk with usage alone. */
export function choiceOf({ choices }: Fields): Fields | undefined {
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  return isFields(choice) ? choice : undefined;
}
