import type { Matrix, Numbers } from './numbers.ts';

/** A gated feed-forward, all in Linear layout: gate and up [width, hidden], down [hidden, width]. */
export interface FeedForward {
  readonly gateProj: Matrix;
  readonly upProj: Matrix;
  readonly downProj: Matrix;
}

/** One layer's weights. Norms are [hidden]. */
export interface LayerWeights {
  readonly inputLayernorm: Numbers;
  readonly postAttentionLayernorm: Numbers;
  readonly qProj: Matrix;
  readonly kProj: Matrix;
  readonly vProj: Matrix;
  readonly oProj: Matrix;
  readonly feedForward:
    | ({ readonly kind: 'dense' } & FeedForward)
    | {
        readonly kind: 'moe';
        /** [experts, hidden] */
        readonly router: Matrix;
        readonly sharedExpert: FeedForward;
        readonly experts: readonly FeedForward[];
      };
}

/** A whole model as plain numbers: dequantized, un-fused, un-transposed. */
export interface ReferenceWeights {
  /** [vocabulary, hidden] */
  readonly embedTokens: Matrix;
  readonly layers: readonly LayerWeights[];
  /** [hidden] */
  readonly norm: Numbers;
  /** [vocabulary, hidden]; the same object as embedTokens where tied. */
  readonly lmHead: Matrix;
}
