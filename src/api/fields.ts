/** Reads the fields of untrusted objects; whatever does not fit is refused by its name. */
import { OutriderError } from '../errors.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with a field, in OpenAI's words where it has them; `details.reason` of the error. */
export type RefusalReason =
  | 'missing_required_parameter'
  | 'invalid_value'
  | 'unknown_parameter'
  | 'unsupported_parameter'
  | 'unsupported_value'
  | 'model_not_found';

/**
 * @param param path of the field, such as `tools[0].function.name`
 * @param allowed completes "it must be …"
 * @returns OutriderError `invalid_request`; `details`: param, value (as JSON, at most 200 characters), allowed, reason
 */
export function refuse(
  param: string,
  value: unknown,
  allowed: string,
  reason: RefusalReason = value === undefined ? 'missing_required_parameter' : 'invalid_value',
): OutriderError {
  const shown = value === undefined ? 'missing' : shorten(value);
  return new OutriderError('invalid_request', `${param} is ${shown}; it must be ${allowed}.`, {
    details: { param, value: shown, allowed, reason },
  });
}

function shorten(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 200);
  } catch {
    return `a ${typeof value} that is no JSON`; // a cycle, a bigint
  }
}

/** OpenAI's clients send null for what they leave out. */
export const isGiven = (value: unknown) => value !== undefined && value !== null;

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object that has no other fields than `known`. @param param its path */
export function objectWith(value: unknown, param: string, known: readonly string[]): Fields {
  if (!isFields(value)) throw refuse(param, value, 'an object');
  for (const [key, given] of Object.entries(value)) {
    if (isGiven(given) && !known.includes(key)) {
      throw refuse(`${param}.${key}`, given, `absent: ${param} has ${known.join(', ')}`, 'unknown_parameter');
    }
  }
  return value;
}

/** The name of a function or a schema; a description beside it is checked too. @param param path of the object */
export function nameField({ name, description }: Fields, param: string): string {
  if (typeof name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
    throw refuse(`${param}.name`, name, '1 to 64 letters, digits, underscores and dashes');
  }
  if (isGiven(description) && typeof description !== 'string') {
    throw refuse(`${param}.description`, description, 'a string');
  }
  return name;
}

/** undefined where it is absent or null. @param param default `field` */
export function numberField(
  fields: Fields,
  field: string,
  low: number,
  high: number,
  param = field,
): number | undefined {
  const value = fields[field];
  if (!isGiven(value)) return undefined;
  if (typeof value === 'number' && value >= low && value <= high) return value;
  throw refuse(param, value, `a number from ${low} to ${high}`);
}

export function integerField(
  fields: Fields,
  field: string,
  low: number,
  high: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const value = fields[field];
  if (!isGiven(value)) return undefined;
  if (Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high) return value as number;
  const range = low === Number.MIN_SAFE_INTEGER ? ' within 2^53' : ` of at least ${low}`;
  throw refuse(field, value, `an integer${high === Number.MAX_SAFE_INTEGER ? range : ` from ${low} to ${high}`}`);
}

export function booleanField(fields: Fields, field: string, param = field): boolean | undefined {
  const value = fields[field];
  if (!isGiven(value)) return undefined;
  if (typeof value === 'boolean') return value;
  throw refuse(param, value, 'true or false');
}

/** Not empty. */
export function stringField(fields: Fields, field: string, param = field): string | undefined {
  const value = fields[field];
  if (!isGiven(value)) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw refuse(param, value, 'a string that is not empty');
}
