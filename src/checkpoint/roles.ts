/** Tensor name -> role. The one place that knows how Llama 4 checkpoints call their weights. */
import { type FloatTensor, MatrixReader } from './matrix.ts';
import type {
  ExpertTensors,
  FeedForwardTensors,
  LayerTensors,
  Matrix,
  ModelTensors,
  TextDims,
} from './model-tensors.ts';
import type { QuantizationConfig } from './quantization.ts';
import { partOf, type Tensor } from './tensor.ts';

export type {
  ExpertTensors,
  FeedForwardTensors,
  FloatDtype,
  FloatMatrix,
  Int4Matrix,
  LayerTensors,
  Matrix,
  ModelTensors,
  TextDims,
} from './model-tensors.ts';

/**
 * Finds every tensor of the text model and compares its shape with the config's. A matrix is quantized where
 * `weight_packed` is present and plain where `weight` is, whatever the `ignore` list says. Vision tensors are left alone.
 * Throws `tensor_missing`, `tensor_mismatch` or `quantization_unsupported`; each names the tensor.
 * @param tensors of all files, by their full names
 */
export function assignRoles(
  dims: TextDims,
  tensors: ReadonlyMap<string, Tensor>,
  quantization: QuantizationConfig | undefined,
): ModelTensors {
  const reader = new MatrixReader(tensors.values(), quantization);
  const { hiddenSize: hidden, vocabSize: vocab, tieWordEmbeddings: tied, numHiddenLayers } = dims;
  // As Transformers does: where both are stored they are not tied, and where one is, either name will do.
  const embedName = tied && !reader.has('embed_tokens') ? 'lm_head' : 'embed_tokens';
  const embedTokens = reader.matrix(embedName, vocab, hidden);
  const lmHead = tied && !(reader.has('lm_head') && reader.has('embed_tokens')) ? embedTokens : undefined;
  const moe = new Set(dims.moeLayers);
  return {
    embedTokens,
    norm: reader.float('norm.weight', [hidden]),
    lmHead: lmHead ?? reader.matrix('lm_head', vocab, hidden),
    layers: Array.from({ length: numHiddenLayers }, (_, layer) => readLayer(reader, dims, layer, moe.has(layer))),
  };
}

function readLayer(reader: MatrixReader, dims: TextDims, layer: number, isMoe: boolean): LayerTensors {
  const { hiddenSize: hidden, headDim, numAttentionHeads, numKeyValueHeads } = dims;
  const at = `layers.${layer}`;
  const queryRows = numAttentionHeads * headDim;
  const keyRows = numKeyValueHeads * headDim;
  return {
    inputLayernorm: reader.float(`${at}.input_layernorm.weight`, [hidden]),
    postAttentionLayernorm: reader.float(`${at}.post_attention_layernorm.weight`, [hidden]),
    qProj: reader.matrix(`${at}.self_attn.q_proj`, queryRows, hidden),
    kProj: reader.matrix(`${at}.self_attn.k_proj`, keyRows, hidden),
    vProj: reader.matrix(`${at}.self_attn.v_proj`, keyRows, hidden),
    oProj: reader.matrix(`${at}.self_attn.o_proj`, hidden, queryRows),
    feedForward: isMoe
      ? readMoe(reader, dims, `${at}.feed_forward`)
      : { kind: 'dense', ...readFeedForward(reader, `${at}.feed_forward`, hidden, dims.intermediateSizeMlp) },
  };
}

function readMoe(reader: MatrixReader, dims: TextDims, at: string): LayerTensors['feedForward'] {
  const { hiddenSize: hidden, intermediateSize: inter, numLocalExperts } = dims;
  return {
    kind: 'moe',
    router: reader.matrix(`${at}.router`, numLocalExperts, hidden),
    sharedExpert: readFeedForward(reader, `${at}.shared_expert`, hidden, inter),
    experts: readExperts(reader, dims, `${at}.experts`),
  };
}

function readExperts(reader: MatrixReader, dims: TextDims, at: string): ExpertTensors[] {
  const { hiddenSize: hidden, intermediateSize: inter, numLocalExperts } = dims;
  const eachExpert = <T>(read: (expert: number) => T): T[] => Array.from({ length: numLocalExperts }, (_, e) => read(e));
  if (reader.hasTensor(`${at}.gate_up_proj`)) {
    const gateUp = reader.float(`${at}.gate_up_proj`, [numLocalExperts, hidden, 2 * inter]);
    const down = reader.float(`${at}.down_proj`, [numLocalExperts, inter, hidden]);
    return eachExpert((expert) => ({
      gateUp: [fused(gateUp, expert, 2 * inter, hidden)],
      down: fused(down, expert, hidden, inter),
    }));
  }
  reader.refuseStackedExperts(at);
  return eachExpert((expert) => {
    const { gateProj, upProj, downProj } = readFeedForward(reader, `${at}.${expert}`, hidden, inter);
    return { gateUp: [gateProj, upProj], down: downProj };
  });
}

function fused(stack: FloatTensor, expert: number, rows: number, cols: number): Matrix {
  return { kind: 'float', rows, cols, dtype: stack.dtype, weight: partOf(stack, expert), transposed: true };
}

function readFeedForward(reader: MatrixReader, at: string, hidden: number, inter: number): FeedForwardTensors {
  const matrix = (name: string, rows: number, cols: number): Matrix => reader.matrix(`${at}.${name}`, rows, cols);
  return {
    gateProj: matrix('gate_proj', inter, hidden),
    upProj: matrix('up_proj', inter, hidden),
    downProj: matrix('down_proj', hidden, inter),
  };
}
