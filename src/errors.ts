/**
 * The stable vocabulary of failures. A code never changes its meaning; messages may.
 *
 * | code | when |
 * |---|---|
 * | `webgpu_unavailable` | no usable adapter; `details.reason` is `insecure-origin`, `no-api`, `no-adapter` or `limits` |
 * | `device_lost` | the GPU device went away while a model was loaded |
 * | `gpu_out_of_memory` | an allocation was refused |
 * | `gpu_validation` | WebGPU rejected a command: a defect of Outrider's, please report it |
 * | `gpu_incorrect` | a GPU computed a kernel's check wrongly: its driver is defective |
 * | `model_not_found` | no `config.json` or no weights at the source |
 * | `model_too_large` | a tensor, a buffer or a context does not fit this adapter's limits or the budget |
 * | `config_unsupported` | `config.json` asks for what this runtime does not compute |
 * | `quantization_unsupported` | a weight format that is not read |
 * | `checkpoint_invalid` | a safetensors header, shard index or tensor breaks the format |
 * | `tensor_missing`, `tensor_mismatch` | a tensor is absent, or has another shape or dtype than `config.json` implies |
 * | `tokenizer_invalid`, `template_error` | `tokenizer.json` or the chat template cannot be used |
 * | `network_error`, `range_unsupported` | a request failed, or the server ignores `Range` |
 * | `access_denied` | the server wants a login, a token or an accepted licence |
 * | `source_changed` | a file changed on the server between two reads of it |
 * | `checksum_mismatch` | bytes are not those that the source promised or that were stored |
 * | `storage_full`, `storage_failed` | the browser refused to store more, or lost what it had stored |
 * | `model_in_use` | a cached model is being used, here or in another tab |
 * | `context_overflow` | prompt and answer exceed the context length |
 * | `invalid_request` | a request field has a wrong type or range, or asks for what is not there |
 * | `output_exists` | the converter would overwrite something else |
 * | `engine_unloaded` | the engine was unloaded |
 * | `worker_failed` | the Web Worker could not be started, or died |
 * | `aborted` | the caller's `AbortSignal` fired while loading |
 */
export type ErrorCode =
  | 'webgpu_unavailable'
  | 'device_lost'
  | 'gpu_out_of_memory'
  | 'gpu_validation'
  | 'gpu_incorrect'
  | 'model_not_found'
  | 'model_too_large'
  | 'config_unsupported'
  | 'quantization_unsupported'
  | 'checkpoint_invalid'
  | 'tensor_missing'
  | 'tensor_mismatch'
  | 'tokenizer_invalid'
  | 'template_error'
  | 'network_error'
  | 'range_unsupported'
  | 'access_denied'
  | 'source_changed'
  | 'checksum_mismatch'
  | 'storage_full'
  | 'storage_failed'
  | 'model_in_use'
  | 'context_overflow'
  | 'invalid_request'
  | 'output_exists'
  | 'engine_unloaded'
  | 'worker_failed'
  | 'aborted';

/** Structured-cloneable facts of an error: both numbers, the file, the tensor, the limit. */
export type ErrorDetails = Record<string, string | number | boolean | null | readonly (string | number)[]>;

/** What crosses a worker boundary. */
export interface SerializedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
  /** The cause's own text, if there was one. */
  readonly cause?: string;
}

/** The only error class that leaves the library. The message says what was found, what was needed and what to do. */
export class OutriderError extends Error {
  override readonly name = 'OutriderError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  serialize(): SerializedError {
    const { code, message, details } = this;
    return this.cause === undefined
      ? { code, message, details }
      : { code, message, details, cause: String(this.cause) };
  }

  static deserialize(error: SerializedError): OutriderError {
    return new OutriderError(error.code, error.message, { cause: error.cause, details: error.details });
  }
}

/** What loading throws when its caller's signal has fired. */
export function abortError(signal: AbortSignal): OutriderError {
  return new OutriderError('aborted', 'Loading was aborted by the caller.', { cause: signal.reason });
}
