import { OutriderError } from '../errors.ts';

export function templateError(message: string, cause?: unknown): OutriderError {
  return new OutriderError('template_error', message, cause === undefined ? {} : { cause });
}

/** What was thrown, as a part of a sentence. */
export const messageOf = (cause: unknown) =>
  (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');
