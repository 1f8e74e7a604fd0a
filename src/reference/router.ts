import { linear } from './linear.ts';
import { argmax, generate, type Matrix, type Numbers, sigmoid } from './numbers.ts';

/** What one MoE layer's router decided. */
export interface Routes {
  /** [tokens, experts] */
  readonly logits: Float64Array;
  /** The one expert of each token: the largest logit, ties to the lower index. [tokens] */
  readonly index: Int32Array;
  /** sigmoid of the chosen logit; multiplies the expert's input. [tokens] */
  readonly score: Float64Array;
}

/**
 * Top-1 routing. `forced` [tokens] overrides the choice, never the score's formula: it compares low-precision engines
 * along the exact one's routes.
 * router [experts, width], y [tokens, width]
 */
export function route(router: Matrix, y: Numbers, forced?: ArrayLike<number>): Routes {
  const experts = router.rows;
  const logits = linear(router, y);
  const tokens = logits.length / experts;
  const index = new Int32Array(tokens);
  for (let token = 0; token < tokens; token++) {
    index[token] = forced?.[token] ?? argmax(logits.subarray(token * experts, (token + 1) * experts));
  }
  const score = generate(tokens, (token) => sigmoid(logits[token * experts + index[token]!]!));
  return { logits, index, score };
}
