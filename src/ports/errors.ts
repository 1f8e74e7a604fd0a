/** Errors across a worker's boundary: an OutriderError arrives as one, with its code, details and cause's text. */
import { OutriderError, type SerializedError } from '../errors.ts';

/** `error` is anything that can be cloned; Error and DOMException can, and keep name, message and stack. */
export type WireError =
  | { readonly kind: 'outrider'; readonly error: SerializedError; readonly stack: string | undefined }
  | { readonly kind: 'other'; readonly error: unknown };

export function toWireError(error: unknown): WireError {
  if (error instanceof OutriderError) return { kind: 'outrider', error: error.serialize(), stack: error.stack };
  return { kind: 'other', error: error instanceof Error ? error : String(error) };
}

export function fromWireError(wire: WireError): unknown {
  if (wire.kind === 'other') return wire.error;
  const error = OutriderError.deserialize(wire.error);
  if (wire.stack !== undefined) error.stack = wire.stack; // where it was thrown, not where it arrived
  return error;
}
