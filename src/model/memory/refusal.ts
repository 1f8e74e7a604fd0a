import { OutriderError } from '../../errors.ts';

/** A result, and why it could not be had within the adapter's limits, if it could not. */
export interface Judged<T> {
  readonly value: T;
  readonly refusal?: OutriderError;
}

/** What `make` makes within `limit`; where that throws `model_too_large`, what it makes without one. */
export function orRefusal<T>(limit: number, make: (limit: number) => T): Judged<T> {
  try {
    return { value: make(limit) };
  } catch (error) {
    if (!(error instanceof OutriderError && error.code === 'model_too_large')) throw error;
    return { value: make(Number.POSITIVE_INFINITY), refusal: error };
  }
}
