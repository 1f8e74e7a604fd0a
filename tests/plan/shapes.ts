/** Tensors of a whole Llama 4 by their published shapes, stored in a way of the caller's: no file, no header. */
import type { Matrix, ModelTensors } from '../../src/checkpoint/model-tensors.ts';
import { DTYPE_BYTES, type Dtype, type Tensor } from '../../src/checkpoint/tensor.ts';

export type MatrixMaker = (rows: number, cols: number) => Matrix;

const HIDDEN = 5120;
let end = 0;

function tensor(dtype: Dtype, ...shape: number[]): Tensor {
  const start = end;
  end += DTYPE_BYTES[dtype] * shape.reduce((a, b) => a * b);
  return { name: `tensor at ${start}`, dtype, shape, file: 'model.safetensors', start, end };
}

export const bf16: MatrixMaker = (rows, cols) => {
  return { kind: 'float', rows, cols, dtype: 'BF16', weight: tensor('BF16', rows, cols), transposed: false };
};

export const int4 =
  (groupSize: number): MatrixMaker =>
  (rows, cols) => ({
    kind: 'int4',
    rows,
    cols,
    groupSize,
    packing: 'compressed-tensors',
    packed: tensor('I32', rows, cols / 8),
    scales: tensor('F16', rows, cols / groupSize),
    zeroPoints: undefined,
    zeroOffset: 0,
    groupIndex: undefined,
    divisor: undefined,
  });

export const affine =
  (groupSize: number): MatrixMaker =>
  (rows, cols) => ({
    kind: 'affine',
    rows,
    cols,
    bits: 4,
    groupSize,
    packed: tensor('U32', rows, cols / 8),
    scales: tensor('BF16', rows, cols / groupSize),
    biases: tensor('BF16', rows, cols / groupSize),
  });

/** @param linear attention and feed-forward @param vocabulary embedding and head; the router is always bf16 */
export function llama4(
  { experts, moeLayers }: { readonly experts: number; readonly moeLayers: number },
  linear: MatrixMaker,
  vocabulary: MatrixMaker,
): ModelTensors {
  const norm = () => tensor('BF16', HIDDEN);
  const feedForward = (width: number) => ({
    gateProj: linear(width, HIDDEN),
    upProj: linear(width, HIDDEN),
    downProj: linear(HIDDEN, width),
  });
  const expert = () => ({ gateUp: [linear(8192, HIDDEN), linear(8192, HIDDEN)], down: linear(HIDDEN, 8192) });
  return {
    embedTokens: vocabulary(202048, HIDDEN),
    norm: norm(),
    lmHead: vocabulary(202048, HIDDEN),
    layers: Array.from({ length: 48 }, (_, layer) => ({
      inputLayernorm: norm(),
      postAttentionLayernorm: norm(),
      qProj: linear(5120, HIDDEN),
      kProj: linear(1024, HIDDEN),
      vProj: linear(1024, HIDDEN),
      oProj: linear(HIDDEN, 5120),
      feedForward:
        (layer + 1) % (48 / moeLayers) === 0
          ? {
              kind: 'moe',
              router: bf16(experts, HIDDEN),
              sharedExpert: feedForward(8192),
              experts: Array.from({ length: experts }, expert),
            }
          : { kind: 'dense', ...feedForward(16384) },
    })),
  };
}
