import { type ErrorCode, OutriderError } from '../errors.ts';

/** JSON text of a file inside the model's folder. Throws `code`, and names the file, where it does not parse. */
export function parseJson(text: string, file: string, code: ErrorCode = 'checkpoint_invalid'): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const begins = JSON.stringify(text.slice(0, 40));
    throw new OutriderError(
      code,
      `${file} is not JSON: it begins with ${begins}. Download it again, or check what the server sends for it.`,
      { cause, details: { file } },
    );
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
