import { OutriderError } from '../errors.ts';

export type Fields = Record<string, unknown>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Reports what was found in words that fit an error message. */
export const found = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60));

export function invalidTokenizer(message: string, cause?: unknown): OutriderError {
  return new OutriderError('tokenizer_invalid', `tokenizer.json: ${message}`, { cause });
}
