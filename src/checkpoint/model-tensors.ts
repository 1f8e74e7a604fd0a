/**
 * A checkpoint's tensors by the role they play: what `assignRoles` returns and weight upload reads. Every shape in here
 * has been compared with `config.json`.
 */
import type { Tensor } from './tensor.ts';

export type FloatDtype = 'F32' | 'F16' | 'BF16';

/**
 * A Linear layer's (or the embedding's) weight: y = W x, W [rows = out, cols = in]. The tensors may be views of a part of a
 * larger stored tensor (one expert of a stack); their shapes are those of the part.
 */
export type Matrix = FloatMatrix | Int4Matrix | AffineMatrix | Fp8Matrix | Nvfp4Matrix | Nf4Matrix;

export interface FloatMatrix {
  readonly kind: 'float';
  readonly rows: number;
  readonly cols: number;
  readonly dtype: FloatDtype;
  /** [rows, cols], or [cols, rows] where `transposed` */
  readonly weight: Tensor;
  /** Fused experts are published as [in, out]. */
  readonly transposed: boolean;
}

/** w = (nibble - zero) * scale, zero = 8 where there are no zero points. */
export interface Int4Matrix {
  readonly kind: 'int4';
  readonly rows: number;
  /** A multiple of `groupSize`. */
  readonly cols: number;
  /** A multiple of 32. */
  readonly groupSize: number;
  /**
   * How eight nibbles share a word, and which way the tensors lie:
   * | | packed I32 | scales | zeroPoints I32 |
   * |---|---|---|---|
   * | `compressed-tensors` | [rows, cols / 8], lowest nibble = lowest column | [rows, groups] | [ceil(rows / 8), groups], lowest nibble = lowest row |
   * | `gptq` | [cols / 8, rows], lowest nibble = lowest column | [groups, rows] | [groups, rows / 8], lowest nibble = lowest row |
   * | `awq` | [cols, rows / 8], rows in the order 0 2 4 6 1 3 5 7 | [groups, rows] | [groups, rows / 8], the same order |
   */
  readonly packing: 'compressed-tensors' | 'gptq' | 'awq';
  readonly packed: Tensor;
  /** F32, F16 or BF16 */
  readonly scales: Tensor;
  readonly zeroPoints: Tensor | undefined;
  /** What to add to a stored zero point, modulo 16: 1 in GPTQ's first format, which stores zero - 1. */
  readonly zeroOffset: 0 | 1;
  /** I32 [cols]: the group of each column, where the columns were quantized in order of activation. */
  readonly groupIndex: Tensor | undefined;
  /** [rows], floats: each row is divided by its element. AWQ's scaled activation, which belongs to the up projection. */
  readonly divisor: Tensor | undefined;
}

/** MLX affine: w = q * scale + bias, q unsigned; the scale may be negative. */
export interface AffineMatrix {
  readonly kind: 'affine';
  readonly rows: number;
  readonly cols: number;
  readonly bits: 4 | 8;
  readonly groupSize: number;
  /** U32 [rows, cols * bits / 32], lowest bits = lowest column */
  readonly packed: Tensor;
  /** F32, F16 or BF16 [rows, cols / groupSize]; both of one dtype */
  readonly scales: Tensor;
  readonly biases: Tensor;
}

/** w = e4m3 * scale. */
export interface Fp8Matrix {
  readonly kind: 'fp8';
  readonly rows: number;
  readonly cols: number;
  /** F8_E4M3 [rows, cols] */
  readonly weight: Tensor;
  /** F32, F16 or BF16 [ceil(rows / block.rows), ceil(cols / block.cols)] */
  readonly scales: Tensor;
  /** What one scale covers: 1 x cols (a channel), 128 x 128, rows x cols (the tensor). */
  readonly block: { readonly rows: number; readonly cols: number };
}

/** w = e2m1 * e4m3 scale, divided or multiplied by one number for the whole matrix. Groups of 16. */
export interface Nvfp4Matrix {
  readonly kind: 'nvfp4';
  readonly rows: number;
  readonly cols: number;
  /** U8 [rows, cols / 2], low nibble = even column; [cols / 2, rows] where `transposed` */
  readonly packed: Tensor;
  /** F8_E4M3 [rows, cols / 16]; [cols / 16, rows] where `transposed` */
  readonly scales: Tensor;
  /** F32, one element */
  readonly globalScale: Tensor;
  /** compressed-tensors divides by `globalScale`, ModelOpt multiplies. */
  readonly divides: boolean;
  readonly transposed: boolean;
}

/** bitsandbytes NF4: w = code[nibble] * absmax, blocks of 64 along the flattened [rows, cols]. */
export interface Nf4Matrix {
  readonly kind: 'nf4';
  readonly rows: number;
  readonly cols: number;
  /** U8 [rows * cols / 2], HIGH nibble = even element */
  readonly packed: Tensor;
  /** [rows * cols / 64]: U8 codes of a second quantization where `nested` is there, else F32 */
  readonly absmax: Tensor;
  /** F32 [16]; must hold NF4's own code */
  readonly quantMap: Tensor;
  /** JSON: block sizes, shape, the offset of the second quantization. */
  readonly quantState: Tensor;
  /** absmax = quantMap[code] * absmax[block >> 8] + the offset in `quantState`. `first`: block of the stack that this matrix begins at. */
  readonly nested: { readonly absmax: Tensor; readonly quantMap: Tensor; readonly first: number } | undefined;
}

export interface FeedForwardTensors {
  /** [intermediate, hidden] */
  readonly gateProj: Matrix;
  /** [intermediate, hidden] */
  readonly upProj: Matrix;
  /** [hidden, intermediate] */
  readonly downProj: Matrix;
}

/** One routed expert. */
export interface ExpertTensors {
  /** Gate and up [intermediate, hidden] each, or one matrix of both [2 * intermediate, hidden], the gate's rows first. */
  readonly gateUp: readonly Matrix[];
  /** [hidden, intermediate] */
  readonly down: Matrix;
}

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
        /** [experts] */
        readonly experts: readonly ExpertTensors[];
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
