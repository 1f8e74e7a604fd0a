/** An answer in chunks as server-sent events, the way OpenAI's servers send them. */
import { toOpenAIError } from '../errors.ts';

export interface EventStreamOptions {
  /** Errors the body with its reason, at once. */
  readonly signal: AbortSignal;
  /** Aborts `signal`: nobody wants the rest. */
  readonly stop: () => void;
  /** Called once, when the signal is not needed any more; not if this function rejects. */
  readonly onEnd: () => void;
  /** Milliseconds to wait for the first chunk before the headers go out. Default: until it comes. */
  readonly headersAfterMs?: number | undefined;
}

const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
const encoder = new TextEncoder();
const event = (data: string) => encoder.encode(`data: ${data}\n\n`);

/**
 * One event per chunk, then `[DONE]`. A chunk stream that fails in its middle ends with an event `{ error }` instead.
 * @throws what `chunks` throws before the first chunk: that is an answer with a status of its own
 */
export async function streamEvents(chunks: AsyncIterable<unknown>, options: EventStreamOptions): Promise<Response> {
  const { signal, stop, headersAfterMs } = options;
  const items = chunks[Symbol.asyncIterator]();
  let first: Promise<IteratorResult<unknown>> | undefined = items.next();
  await settledOr(first, headersAfterMs);
  signal.throwIfAborted();
  let abort = () => {};
  const end = () => {
    signal.removeEventListener('abort', abort);
    options.onEnd();
  };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      abort = () => {
        end();
        controller.error(signal.reason);
        items.return?.().catch(() => {}); // the generation itself has ended by the signal
      };
      signal.addEventListener('abort', abort);
    },
    async pull(controller) {
      const next = first ?? items.next();
      first = undefined;
      const { data, last } = await next.then(toEvent, toErrorEvent);
      if (signal.aborted) return; // the body has been errored
      controller.enqueue(data);
      if (!last) return;
      end();
      controller.close();
    },
    cancel: stop,
  });
  return new Response(body, { headers });
}

function toEvent({ done, value }: IteratorResult<unknown>) {
  return { data: event(done ? '[DONE]' : JSON.stringify(value)), last: done === true };
}

function toErrorEvent(error: unknown) {
  return { data: event(JSON.stringify(toOpenAIError(error).body)), last: true };
}

/** Resolves when `promise` does or `ms` have passed; rejects like it before that. */
async function settledOr(promise: Promise<unknown>, ms: number | undefined): Promise<void> {
  if (ms === undefined) return void (await promise);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  promise.catch(() => {}); // if it fails later, an event says so
  await Promise.race([promise, passed]).finally(() => clearTimeout(timer));
}
