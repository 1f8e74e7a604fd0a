/** The weights of the text model by the role they play in `forward`, over whatever stands for a buffer. */
import type { GpuMatrix } from '../kernels/matrix.ts';

/** @typeParam B `GPUBuffer`, or the number of a buffer in a `WeightLayout` */
export interface Weights<B = GPUBuffer> {
  readonly embedTokens: GpuMatrix<B>; // [vocab, hidden]
  readonly layers: readonly LayerWeights<B>[];
  readonly norm: B; // [hidden] f32
  readonly lmHead: GpuMatrix<B>; // [vocab, hidden]; the same object as embedTokens where tied
}

export interface LayerWeights<B = GPUBuffer> {
  readonly inputLayernorm: B; // [hidden] f32
  /** q, k and v rows in one matrix, or in several where they are stored differently. */
  readonly qkvProj: readonly GpuMatrix<B>[]; // [(heads + 2 kvHeads) * headDim, hidden]
  readonly oProj: GpuMatrix<B>; // [hidden, heads * headDim]
  readonly postAttentionLayernorm: B; // [hidden] f32
  readonly feedForward:
    | { readonly kind: 'dense'; readonly mlp: Mlp<B> }
    | {
        readonly kind: 'moe';
        readonly router: GpuMatrix<B>; // [experts, hidden]
        readonly experts: Mlp<B>;
        /** undefined: it lies in the stack of the others, behind the last. */
        readonly sharedExpert: Mlp<B> | undefined;
      };
}

export interface Mlp<B = GPUBuffer> {
  readonly gateUpProj: GpuMatrix<B>; // paired [2 * intermediate, hidden]
  readonly downProj: GpuMatrix<B>; // [hidden, intermediate]
}

/** The same weights over other buffers. */
export function mapWeights<A, B>(weights: Weights<A>, place: (buffer: A) => B): Weights<B> {
  const matrix = (from: GpuMatrix<A>): GpuMatrix<B> => ({
    ...from,
    shards: from.shards.map((shard) => ({ ...shard, buffer: place(shard.buffer) })),
  });
  const mlp = ({ gateUpProj, downProj }: Mlp<A>): Mlp<B> => ({
    gateUpProj: matrix(gateUpProj),
    downProj: matrix(downProj),
  });
  const layer = (from: LayerWeights<A>): LayerWeights<B> => {
    const { feedForward } = from;
    return {
      inputLayernorm: place(from.inputLayernorm),
      qkvProj: from.qkvProj.map(matrix),
      oProj: matrix(from.oProj),
      postAttentionLayernorm: place(from.postAttentionLayernorm),
      feedForward:
        feedForward.kind === 'dense'
          ? { kind: 'dense', mlp: mlp(feedForward.mlp) }
          : {
              kind: 'moe',
              router: matrix(feedForward.router),
              sharedExpert: feedForward.sharedExpert && mlp(feedForward.sharedExpert),
              experts: mlp(feedForward.experts),
            },
    };
  };
  const embedTokens = matrix(weights.embedTokens);
  return {
    embedTokens,
    layers: weights.layers.map(layer),
    norm: place(weights.norm),
    lmHead: weights.lmHead === weights.embedTokens ? embedTokens : matrix(weights.lmHead),
  };
}
