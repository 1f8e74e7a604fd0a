import { type Matrix, type Numbers, silu } from './numbers.ts';

/** Scalar product of row `row` of `weights` [rows, cols] with token `token` of `x` [tokens, cols], summed in f64. */
export function dotRow(weights: Matrix, row: number, x: Numbers, token: number): number {
  const { cols, values } = weights;
  const rowStart = row * cols;
  const tokenStart = token * cols;
  let sum = 0;
  for (let col = 0; col < cols; col++) sum += values[rowStart + col]! * x[tokenStart + col]!;
  return sum;
}

/**
 * y = W x for every token, plus `residual` where given.
 * x [tokens, cols], residual [tokens, rows] -> [tokens, rows]
 */
export function linear(weights: Matrix, x: Numbers, residual?: Numbers): Float64Array {
  const { rows, cols } = weights;
  const tokens = x.length / cols;
  const y = new Float64Array(tokens * rows);
  for (let token = 0; token < tokens; token++) {
    for (let row = 0; row < rows; row++) {
      const at = token * rows + row;
      y[at] = dotRow(weights, row, x, token) + (residual?.[at] ?? 0);
    }
  }
  return y;
}

/**
 * silu(score * gate) * (score * up): the gated activation. `score` [tokens] is a routed expert's weight; since it
 * multiplies the expert's INPUT, it lands inside both factors. 1 where absent.
 * gate, up [tokens, width] -> [tokens, width]
 */
export function swiglu(gate: Numbers, up: Numbers, score?: Numbers): Float64Array {
  const width = score === undefined ? gate.length : gate.length / score.length;
  const activated = new Float64Array(gate.length);
  for (let at = 0; at < gate.length; at++) {
    const weight = score?.[Math.floor(at / width)] ?? 1;
    activated[at] = silu(weight * gate[at]!) * (weight * up[at]!);
  }
  return activated;
}
