/** The tensors of a checkpoint that nobody has written: shapes by role, as if a header had been read. Pure. */
import type { FeedForwardTensors, Matrix, ModelTensors } from '../../checkpoint/model-tensors.ts';
import { DTYPE_BYTES, type Dtype, type Tensor } from '../../checkpoint/tensor.ts';
import type { ModelConfig } from '../../model/config.ts';

/** Columns that share a scale. */
export const GROUP_SIZE = 128;

/** Embedding, norms and router in bf16; every other matrix in symmetric int4 of groups of 128 with bf16 scales. */
export function int4Tensors(config: ModelConfig): ModelTensors {
  const { hiddenSize: hidden, intermediateSize: inner, intermediateSizeMlp: dense, headDim, vocabSize } = config;
  const { numAttentionHeads, numKeyValueHeads, numLocalExperts, moeLayers, numHiddenLayers } = config;
  const make = new Maker();
  const [queries, keys] = [numAttentionHeads * headDim, numKeyValueHeads * headDim];
  const feedForward = (width: number): FeedForwardTensors => ({
    gateProj: make.int4(width, hidden),
    upProj: make.int4(width, hidden),
    downProj: make.int4(hidden, width),
  });
  const expert = () => {
    const { gateProj, upProj, downProj } = feedForward(inner);
    return { gateUp: [gateProj, upProj], down: downProj };
  };
  const layer = (index: number): ModelTensors['layers'][number] => ({
    inputLayernorm: make.tensor('BF16', hidden),
    postAttentionLayernorm: make.tensor('BF16', hidden),
    qProj: make.int4(queries, hidden),
    kProj: make.int4(keys, hidden),
    vProj: make.int4(keys, hidden),
    oProj: make.int4(hidden, queries),
    feedForward: moeLayers.includes(index)
      ? {
          kind: 'moe',
          router: make.bf16(numLocalExperts, hidden),
          sharedExpert: feedForward(inner),
          experts: Array.from({ length: numLocalExperts }, expert),
        }
      : { kind: 'dense', ...feedForward(dense) },
  });
  return {
    embedTokens: make.bf16(vocabSize, hidden),
    layers: Array.from({ length: numHiddenLayers }, (_, index) => layer(index)),
    norm: make.tensor('BF16', hidden),
    lmHead: make.int4(vocabSize, hidden),
  };
}

/** One tensor after the other in one file. */
class Maker {
  #end = 0;

  tensor(dtype: Dtype, ...shape: number[]): Tensor {
    const start = this.#end;
    this.#end += shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
    return { name: `tensor at ${start}`, dtype, shape, file: 'synthetic.safetensors', start, end: this.#end };
  }

  bf16(rows: number, cols: number): Matrix {
    return { kind: 'float', rows, cols, dtype: 'BF16', weight: this.tensor('BF16', rows, cols), transposed: false };
  }

  int4(rows: number, cols: number): Matrix {
    return {
      kind: 'int4',
      rows,
      cols,
      groupSize: GROUP_SIZE,
      packing: 'compressed-tensors',
      packed: this.tensor('I32', rows, cols / 8),
      scales: this.tensor('BF16', rows, cols / GROUP_SIZE),
      zeroPoints: undefined,
      zeroOffset: 0,
      groupIndex: undefined,
      divisor: undefined,
    };
  }
}
