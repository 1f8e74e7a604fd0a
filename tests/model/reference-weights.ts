/** A checkpoint's weights for the reference, in f32, and what re-quantization would make of them. */
import { dequantizeMatrix, type ReadTensor } from '../../src/checkpoint/dequantize.ts';
import type { FeedForwardTensors, LayerTensors, Matrix, ModelTensors } from '../../src/checkpoint/model-tensors.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import type { WeightClass } from '../../src/model/layout/storage.ts';
import { widenToF32 } from '../../src/quant/float.ts';
import type * as Reference from '../../src/reference/numbers.ts';
import type { FeedForward, LayerWeights, ReferenceWeights } from '../../src/reference/weights.ts';

export interface ReferenceOptions {
  readonly read: ReadTensor;
  /** What becomes of a matrix of this class; default nothing. */
  readonly change?: (weights: Reference.Matrix & { values: Float32Array }, weightClass: WeightClass) => Float32Array;
}

/** Experts must be stored one by one or fused in halves, gate first. */
export async function referenceWeights(tensors: ModelTensors, options: ReferenceOptions): Promise<ReferenceWeights> {
  const { read, change = ({ values }) => values } = options;
  const matrix = async (stored: Matrix, weightClass: WeightClass): Promise<Reference.Matrix> => {
    const { rows, cols } = stored;
    const values = await dequantizeMatrix(stored, read);
    return { rows, cols, values: change({ rows, cols, values }, weightClass) };
  };
  const vector = async (tensor: Tensor) => widenToF32(await read(tensor), tensor.dtype as 'BF16');
  const feedForward = async (stored: FeedForwardTensors, weightClass: WeightClass): Promise<FeedForward> => ({
    gateProj: await matrix(stored.gateProj, weightClass),
    upProj: await matrix(stored.upProj, weightClass),
    downProj: await matrix(stored.downProj, weightClass),
  });
  const layer = async ({ feedForward: stored, ...rest }: LayerTensors): Promise<LayerWeights> => ({
    inputLayernorm: await vector(rest.inputLayernorm),
    postAttentionLayernorm: await vector(rest.postAttentionLayernorm),
    qProj: await matrix(rest.qProj, 'attention'),
    kProj: await matrix(rest.kProj, 'attention'),
    vProj: await matrix(rest.vProj, 'attention'),
    oProj: await matrix(rest.oProj, 'attention'),
    feedForward:
      stored.kind === 'dense'
        ? { kind: 'dense', ...(await feedForward(stored, 'dense layers')) }
        : {
            kind: 'moe',
            router: await matrix(stored.router, 'router'),
            sharedExpert: await feedForward(stored.sharedExpert, 'shared experts'),
            experts: await Promise.all(
              stored.experts.map(async ({ gateUp, down }) => {
                const [gateProj, upProj] = halves(await Promise.all(gateUp.map((m) => matrix(m, 'routed experts'))));
                return { gateProj, upProj, downProj: await matrix(down, 'routed experts') };
              }),
            ),
          },
  });
  return {
    embedTokens: await matrix(tensors.embedTokens, 'embedding'),
    norm: await vector(tensors.norm),
    lmHead: await matrix(tensors.lmHead, 'head'),
    layers: await Promise.all(tensors.layers.map(layer)),
  };
}

function halves([gate, up]: readonly Reference.Matrix[]): [Reference.Matrix, Reference.Matrix] {
  if (!gate) throw new Error('an expert without gate');
  if (up) return [gate, up];
  const rows = gate.rows / 2;
  const [low, high] = [gate.values.subarray(0, rows * gate.cols), gate.values.subarray(rows * gate.cols)];
  return [
    { ...gate, rows, values: low },
    { ...gate, rows, values: high },
  ];
}
