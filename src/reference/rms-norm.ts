import type { Numbers } from './numbers.ts';

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
