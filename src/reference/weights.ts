import type { Matrix, Numbers, RowMatrix } from './numbers.ts';

/** A Linear layer's weight. */
type Weight = Matrix | RowMatrix;

/** A gated feed-forward, all in Linear layout: gate and up [width, hidden], down [hidden, width]. */
export interface FeedForward {
  readonly gateProj: Weight;
  readonly upProj: Weight;
  readonly downProj: Weight;
}

/** One layer's weights. Norms are [hidden]. */
export interface LayerWeights {
  readonly inputLayernorm: Numbers;
  readonly postAttentionLayernorm: Numbers;
  readonly qProj: Weight;
  readonly kProj: Weight;
  readonly vProj: Weight;
  readonly oProj: Weight;
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
