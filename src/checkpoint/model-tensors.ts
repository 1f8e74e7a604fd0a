/**
 * A checkpoint's tensors by the role they play: what `assignRoles` returns and weight upload reads. Every shape in here
 * has been compared with `config.json`.
 */
import type { Tensor } from './tensor.ts';

export type FloatDtype = 'F32' | 'F16' | 'BF16';

/** A Linear layer's (or the embedding's) weight: y = W x, W [rows = out, cols = in]. */
export type Matrix = FloatMatrix | Int4Matrix;

export interface FloatMatrix {
  readonly kind: 'float';
  readonly rows: number;
  readonly cols: number;
  readonly dtype: FloatDtype;
  /** [rows, cols] */
  readonly weight: Tensor;
}

/** compressed-tensors pack-quantized: w = (nibble - zero) * scale, zero = 8 where there are no zero points. */
export interface Int4Matrix {
  readonly kind: 'int4';
  readonly rows: number;
  /** A multiple of `groupSize`. */
  readonly cols: number;
  readonly groupSize: 32 | 64 | 128;
  /** I32 [rows, cols / 8], the lowest nibble is the lowest column. */
  readonly packed: Tensor;
  /** F32, F16 or BF16 [rows, cols / groupSize] */
  readonly scales: Tensor;
  /** I32 [ceil(rows / 8), cols / groupSize]: nibble `row & 7` of word [row >> 3, group], stored + 8 like the weights. */
  readonly zeroPoints: Tensor | undefined;
}

export interface FeedForwardTensors {
  /** [intermediate, hidden] */
  readonly gateProj: Matrix;
  /** [intermediate, hidden] */
  readonly upProj: Matrix;
  /** [hidden, intermediate] */
  readonly downProj: Matrix;
}

export type ExpertTensors =
  | {
      readonly kind: 'fused';
      readonly dtype: FloatDtype;
      /** [experts, hidden, 2 * intermediate], transposed against Linear; the gate's columns come first. */
      readonly gateUp: Tensor;
      /** [experts, intermediate, hidden], transposed against Linear. */
      readonly down: Tensor;
    }
  | { readonly kind: 'linear'; readonly experts: readonly FeedForwardTensors[] };

export interface LayerTensors {
  /** [hidden], as are all norms */
  readonly inputLayernorm: Tensor;
  readonly postAttentionLayernorm: Tensor;
  /** [heads * headDim, hidden] */
  readonly qProj: Matrix;
  /** [kvHeads * headDim, hidden] */
  readonly kProj: Matrix;
  readonly vProj: Matrix;
  /** [hidden, heads * headDim] */
  readonly oProj: Matrix;
  readonly feedForward:
    | ({ readonly kind: 'dense' } & FeedForwardTensors)
    | {
        readonly kind: 'moe';
        /** [experts, hidden] */
        readonly router: Matrix;
        readonly sharedExpert: FeedForwardTensors;
        readonly experts: ExpertTensors;
      };
}

export interface ModelTensors {
  /** [vocab, hidden] */
  readonly embedTokens: Matrix;
  readonly norm: Tensor;
  /** [vocab, hidden]; the same object as `embedTokens` where the embedding is tied. */
  readonly lmHead: Matrix;
  readonly layers: readonly LayerTensors[];
}

/** What the shapes are checked against; `ModelConfig` satisfies it. */
export interface TextDims {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly intermediateSizeMlp: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly numLocalExperts: number;
  readonly moeLayers: readonly number[];
  readonly tieWordEmbeddings: boolean;
}
