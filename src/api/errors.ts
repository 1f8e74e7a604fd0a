/** Failures as OpenAI's error object: what `engine.fetch` and `npm run serve` answer with. */
import { type ErrorCode, OutriderError } from '../errors.ts';

/** The body of an answer that is a failure; also what comes as an event in the middle of a stream. */
export interface OpenAIErrorBody {
  readonly error: {
    /** What was found, what was needed, and the next step. */
    readonly message: string;
    /** `invalid_request_error`: another request helps; `server_error`: this engine cannot answer. */
    readonly type: 'invalid_request_error' | 'server_error';
    /** The request's field that is to blame. */
    readonly param: string | null;
    /** OpenAI's own word where it has one (`context_length_exceeded`, `unknown_parameter`, …), else an `ErrorCode`. */
    readonly code: string | null;
  };
}

export interface OpenAIErrorAnswer {
  /** HTTP status, 400..599. */
  readonly status: number;
  readonly body: OpenAIErrorBody;
}

/** The engine is gone or cannot go on: another engine may answer. */
const UNAVAILABLE: readonly ErrorCode[] = [
  'engine_unloaded',
  'device_lost',
  'worker_failed',
  'gpu_out_of_memory',
  'webgpu_unavailable',
];

/** A server that this engine asked on the request's behalf. */
const UPSTREAM: readonly ErrorCode[] = ['network_error', 'access_denied'];

/**
 * Any failure of a request. Refused fields and `context_overflow` get OpenAI's codes, which clients test for; a model
 * that is not loaded is status 404; an interrupted generation 499, code `aborted`; what is no `OutriderError` 500.
 */
export function toOpenAIError(error: unknown): OpenAIErrorAnswer {
  if (error instanceof OutriderError) return ofOutrider(error);
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  if (name === 'AbortError') return answer(499, message, null, 'aborted');
  return answer(500, message, null, null);
}

/** An error of the request that no engine was asked about. */
export function requestError(status: number, message: string, code: string | null, param: string | null = null) {
  return answer(status, message, param, code);
}

function ofOutrider({ code, message, details }: OutriderError): OpenAIErrorAnswer {
  const param = typeof details.param === 'string' ? details.param : null;
  if (code === 'invalid_request') {
    const reason = typeof details.reason === 'string' ? details.reason : code;
    return answer(reason === 'model_not_found' ? 404 : 400, message, param, reason);
  }
  if (code === 'context_overflow') return answer(400, message, param, 'context_length_exceeded');
  if (code === 'template_error') return answer(400, message, param, code);
  if (code === 'aborted') return answer(499, message, param, code);
  if (UPSTREAM.includes(code)) return answer(502, message, param, code);
  return answer(UNAVAILABLE.includes(code) ? 503 : 500, message, param, code);
}

function answer(status: number, message: string, param: string | null, code: string | null): OpenAIErrorAnswer {
  const type = status < 499 ? 'invalid_request_error' : 'server_error';
  return { status, body: { error: { message, type, param, code } } };
}
