/** How far a kernel is from its oracle, and how far its arithmetic lets it be. */
import type { Activations } from '../../kernels/adapter-class.ts';

type Numbers = ArrayLike<number>;

/**
 * Normalized mean square errors. f32: a rounding of 2^-24 an operation, which grows with the root of a sum's length, at most
 * 8192 here: (2^-24)^2 * 8192 = 3e-11. f16: activations and short sums are rounded to 2^-11, once or twice a term:
 * (2^-11)^2 * 4 = 1e-6. int8: a step is 2.2 / 127 deviations, since 32 normal values with one scale reach 2.2 of them, which
 * makes (2.2 / 127)^2 / 12 = 2.5e-5, and more where a value is far out.
 */
export const BOUNDS: Readonly<Record<Activations, number>> = { f32: 3e-11, f16: 1e-6, int8: 1e-4 };

/** Mean square of the difference over the mean square of what is expected; NaN where a number is none. */
export function normalizedError(found: Numbers, expected: Numbers): number {
  let [errors, squares] = [0, 0];
  for (let at = 0; at < expected.length; at++) {
    errors += (found[at]! - expected[at]!) ** 2;
    squares += expected[at]! ** 2;
  }
  return errors / squares;
}
