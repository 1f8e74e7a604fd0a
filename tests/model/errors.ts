/** How far two lists of numbers are apart; NaN where their lengths differ, which no bound holds. */
import type { Numbers } from '../../src/reference/numbers.ts';

/** Largest absolute difference. */
export function maxError(found: Numbers, wanted: Numbers): number {
  if (found.length !== wanted.length) return Number.NaN;
  let worst = 0;
  for (let at = 0; at < wanted.length; at++) worst = Math.max(worst, Math.abs(found[at]! - wanted[at]!));
  return worst;
}

/** Mean square error over mean square. */
export function normalizedError(found: Numbers, wanted: Numbers): number {
  if (found.length !== wanted.length) return Number.NaN;
  let [errors, squares] = [0, 0];
  for (let at = 0; at < wanted.length; at++) {
    errors += (found[at]! - wanted[at]!) ** 2;
    squares += wanted[at]! ** 2;
  }
  return errors / squares;
}
