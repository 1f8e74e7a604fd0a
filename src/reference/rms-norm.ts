import type { Numbers } from './numbers.ts';
import { seeded } from './random.ts';

/**
 * x * rsqrt(mean(x^2) + eps), times `weight` [width] where given. `width` is the length that one mean is taken over.
 * x [..., width] -> [..., width]
 */
export function rmsNorm(x: Numbers, width: number, eps: number, weight?: Numbers): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let squares = 0;
    for (let at = start; at < start + width; at++) squares += x[at]! * x[at]!;
    const scale = 1 / Math.sqrt(squares / width + eps);
    for (let col = 0; col < width; col++) y[start + col] = x[start + col]! * scale * (weight?.[col] ?? 1);
  }
  return y;
}

/** Rows to normalize. */
export interface RmsNormCase {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  readonly eps: number;
  /** Deviation of x: small ones show a wrong eps. Default 1. */
  readonly deviation?: number;
  /** Normalize only the last row, into row 0. */
  readonly lastRow?: boolean;
}

/** x [rows, cols], weight [cols], expected [rows or 1, cols] */
export function rmsNormData({ name, rows, cols, eps, deviation = 1, lastRow = false }: RmsNormCase) {
  const random = seeded(name);
  const x = random.normals(rows * cols, deviation);
  const weight = random.normals(cols);
  const expected = rmsNorm(lastRow ? x.subarray((rows - 1) * cols) : x, cols, eps, weight);
  return { x, weight, expected };
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly RmsNormCase[] = [
  { name: 'narrower than a workgroup', rows: 3, cols: 8, eps: 1e-5 },
  { name: 'small values, where eps counts', rows: 2, cols: 128, eps: 1e-5, deviation: 1e-3 },
  { name: 'columns that are no multiple of the workgroup', rows: 5, cols: 1100, eps: 1e-6 },
  { name: 'the last row alone', rows: 9, cols: 264, eps: 1e-5, lastRow: true },
  { name: 'Scout hidden', rows: 2, cols: 5120, eps: 1e-5, deviation: 30 },
];
