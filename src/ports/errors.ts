/** Errors across a worker's boundary: an OutriderError arrives as one, with its code, details and cause's text. */
import { OutriderError, type SerializedError } from '../errors.ts';

/** `error` is anything that can be cloned; Errors can, and keep name, message and stack. */
export type WireError =
  | { readonly kind: 'outrider'; readonly error: SerializedError; readonly stack: string | undefined }
  /** An abort's reason, most of the time. Not every platform clones it. */
  | { readonly kind: 'dom'; readonly name: string; readonly message: string }
  | { readonly kind: 'other'; readonly error: unknown };

export function toWireError(error: unknown): WireError {
  if (error instanceof OutriderError) return { kind: 'outrider', error: error.serialize(), stack: error.stack };
  if (error instanceof DOMException) return { kind: 'dom', name: error.name, message: error.message };
  if (!(error instanceof Error)) return { kind: 'other', error: String(error) };
  return { kind: 'other', error: isCloneable(error) ? error : new Error(String(error)) };
}

/** An Error is, but for what hangs on it, such as its cause. */
function isCloneable(error: Error): boolean {
  try {
    structuredClone(error);
    return true;
  } catch {
    return false;
  }
}

export function fromWireError(wire: WireError): unknown {
  if (wire.kind === 'other') return wire.error;
  if (wire.kind === 'dom') return new DOMException(wire.message, wire.name);
  const error = OutriderError.deserialize(wire.error);
  if (wire.stack !== undefined) error.stack = wire.stack; // where it was thrown, not where it arrived
  return error;
}

/** Plain data whose fields may be errors, as it crosses: those are not cloned as they are. */
export interface Packed {
  readonly plain: object;
  readonly errors: Readonly<Record<string, WireError>>;
}

export function packErrors(value: object): Packed {
  const isError = ([, field]: [string, unknown]) => field instanceof Error;
  const fields = Object.entries(value);
  return {
    plain: Object.fromEntries(fields.filter((field) => !isError(field))),
    errors: Object.fromEntries(fields.filter(isError).map(([name, error]) => [name, toWireError(error)])),
  };
}

/** @typeParam T what was packed */
export function unpackErrors<T extends object>({ plain, errors }: Packed): T {
  const found = Object.entries(errors).map(([name, error]) => [name, fromWireError(error)]);
  return { ...plain, ...Object.fromEntries(found) } as T;
}
