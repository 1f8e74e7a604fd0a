import { type Matrix, type Numbers, type RowMatrix, silu } from './numbers.ts';

/** Scalar product of a row [cols] with token `token` of `x` [tokens, cols], summed in f64. */
function dot(row: Numbers, x: Numbers, token: number): number {
  const cols = row.length;
  const start = token * cols;
  let sum = 0;
  for (let col = 0; col < cols; col++) sum += row[col]! * x[start + col]!;
  return sum;
}

/**
 * y = W x for every token, plus `residual` where given. Each row is asked for once.
 * x [tokens, cols], residual [tokens, rows] -> [tokens, rows]
 */
export function linear(weights: Matrix | RowMatrix, x: Numbers, residual?: Numbers): Float64Array {
  const { rows, cols } = weights;
  const tokens = x.length / cols;
  const y = new Float64Array(tokens * rows);
  for (let row = 0; row < rows; row++) {
    const own = 'row' in weights ? weights.row(row) : weights.values.subarray(row * cols, (row + 1) * cols);
    for (let token = 0; token < tokens; token++) {
      const at = token * rows + row;
      y[at] = dot(own, x, token) + (residual?.[at] ?? 0);
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
