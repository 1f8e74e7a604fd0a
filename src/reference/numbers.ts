/** Shared shapes of the oracles. Everything is row-major; [tokens, width] unless said otherwise. */

/** Values of f32 or f64: oracles read either and always compute in f64. */
export type Numbers = Float32Array | Float64Array;

/** A Linear's weight, y = W x. [rows = out, cols = in] */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly values: Numbers;
}

/** The same where its numbers together would be too many: rows are made when they are asked for. */
export interface RowMatrix {
  readonly rows: number;
  readonly cols: number;
  /** [cols]; good until the next call. */
  readonly row: (index: number) => Numbers;
}

/** Fills a [count] f64 vector from a function of the index. */
export function generate(count: number, valueAt: (index: number) => number): Float64Array {
  const values = new Float64Array(count);
  for (let index = 0; index < count; index++) values[index] = valueAt(index);
  return values;
}

/** Index of the largest value; ties go to the lowest index. Throws RangeError when there is none. */
export function argmax(values: Numbers): number {
  if (values.length === 0) throw new RangeError('argmax of no values');
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index]! > values[best]!) best = index;
  return best;
}

/** 1 / (1 + e^-x) */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** x * sigmoid(x) */
export function silu(x: number): number {
  return x * sigmoid(x);
}
