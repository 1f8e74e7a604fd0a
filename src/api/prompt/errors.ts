/** Failures as the Prompt API has them: DOMExceptions by their names, with the engine's error as their cause. */
import { OutriderError } from '../../errors.ts';

/** What `QuotaExceededError` carries beyond a DOMException. */
export interface QuotaFields {
  /** Tokens that were needed. */
  readonly requested: number;
  /** Tokens that there are. */
  readonly quota: number;
}

type QuotaExceededConstructor = new (message: string, fields: QuotaFields) => DOMException;

/** Of the browser's own class where it has one. */
export function quotaExceeded({ requested, quota }: QuotaFields): DOMException & QuotaFields {
  const message = `${requested} tokens are needed, and the context window has ${quota}. Shorten the prompt.`;
  const { QuotaExceededError: Native } = globalThis as { QuotaExceededError?: QuotaExceededConstructor };
  const error = Native
    ? new Native(message, { requested, quota })
    : Object.assign(new DOMException(message, 'QuotaExceededError'), { requested, quota });
  return error as DOMException & QuotaFields;
}

export const notSupported = (message: string) => new DOMException(message, 'NotSupportedError');

/**
 * What an engine throws: `context_overflow` is a QuotaExceededError, what it refuses a NotSupportedError, anything else
 * an error of the given name. DOMExceptions, the caller's own errors among them, stay as they are.
 */
export function toDOMException(error: unknown, name: 'OperationError' | 'UnknownError'): unknown {
  if (!(error instanceof OutriderError)) return error;
  const { code, details, message } = error;
  const { promptTokens, contextLength } = details;
  if (code === 'context_overflow' && typeof promptTokens === 'number' && typeof contextLength === 'number') {
    return Object.assign(quotaExceeded({ requested: promptTokens, quota: contextLength }), { cause: error });
  }
  const isRefusal = code === 'invalid_request' || code === 'webgpu_unavailable';
  return Object.assign(new DOMException(message, isRefusal ? 'NotSupportedError' : name), { cause: error });
}
