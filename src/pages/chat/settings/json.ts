/** JSON in settings. Pure. */
import { OutriderError } from '../../../errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws SyntaxError; OutriderError `invalid_request` for JSON that is no object */
export function parseSchema(text: string): JsonObject {
  const schema: unknown = JSON.parse(text);
  if (typeof schema === 'object' && schema !== null && !Array.isArray(schema)) return schema as JsonObject;
  const found = text.trim().slice(0, 40);
  throw new OutriderError('invalid_request', `The JSON schema is ${found} but must be an object such as {}.`, {
    details: { found },
  });
}

/** Whether `parse` takes the text. */
export function isReadable(text: unknown, parse: (text: string) => unknown): text is string {
  try {
    return typeof text === 'string' && text !== '' && parse(text) !== undefined;
  } catch {
    return false;
  }
}
