/** Tensor name -> role. The one place that knows how Llama 4 checkpoints call their weights. */
import type { ReadExperts } from './experts.ts';
import type { QuantizationConfig, ReadMatrix } from './formats/facts.ts';
import { MatrixReader } from './matrix.ts';
import type { LayerTensors, ModelTensors, TextDims } from './model-tensors.ts';
import type { Tensor } from './tensor.ts';

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

/** Who reads what is stored: for most checkpoints `formats/plain.ts` is enough, `formats/every.ts` is for all. */
export interface Formats {
  /**
   * The quantization that a `config.json` declares; undefined where it declares none.
   * Throws `quantization_unsupported`, which names the format, for what is not read.
   */
  parseQuantization(configJson: unknown): QuantizationConfig | undefined;
  readonly readMatrix: ReadMatrix;
  readonly readExperts: ReadExperts;
}

export interface AssignedTensors extends ModelTensors {
  /** For people: `compressed-tensors int4, groups of 128, symmetric; rest bf16`. */
  readonly format: string;
  /** What the user should know, one sentence each. */
  readonly notices: readonly string[];
}

/**
 * Finds every tensor of the text model and compares its shape with the config's. How a matrix is stored, its tensors say
 * (`formats`), whatever the `ignore` list says; it must be a way that the config declares. Vision tensors are left
 * alone. Throws `tensor_missing`, `tensor_mismatch` or `quantization_unsupported`; each names the tensor.
 * @param tensors of all files, by their full names
 */
export function assignRoles(
  dims: TextDims,
  tensors: ReadonlyMap<string, Tensor>,
  quantization: QuantizationConfig | undefined,
  { readMatrix, readExperts }: Pick<Formats, 'readMatrix' | 'readExperts'>,
): AssignedTensors {
  const reader = new MatrixReader(tensors.values(), quantization, readMatrix);
  const { hiddenSize: hidden, vocabSize: vocab, tieWordEmbeddings: tied, numHiddenLayers } = dims;
  // As Transformers does: where both are stored they are not tied, and where one is, either name will do.
  const embedName = tied && !reader.has('embed_tokens') ? 'lm_head' : 'embed_tokens';
  const embedTokens = reader.matrix(embedName, vocab, hidden);
  const lmHead = tied && !(reader.has('lm_head') && reader.has('embed_tokens')) ? embedTokens : undefined;
  const moe = new Set(dims.moeLayers);
  const model: ModelTensors = {
    embedTokens,
    norm: reader.vector('norm.weight', hidden),
    lmHead: lmHead ?? reader.matrix('lm_head', vocab, hidden),
    layers: Array.from({ length: numHiddenLayers }, (_, layer) =>
      readLayer(reader, dims, layer, moe.has(layer) ? readExperts : undefined),
    ),
  };
  return { ...model, format: reader.format(), notices: reader.notices() };
}

/** @param readExperts where the layer has some */
function readLayer(reader: MatrixReader, dims: TextDims, layer: number, readExperts?: ReadExperts): LayerTensors {
  const { hiddenSize: hidden, headDim, numAttentionHeads, numKeyValueHeads } = dims;
  const at = `layers.${layer}`;
  const queryRows = numAttentionHeads * headDim;
  const keyRows = numKeyValueHeads * headDim;
  return {
    inputLayernorm: reader.vector(`${at}.input_layernorm.weight`, hidden),
    postAttentionLayernorm: reader.vector(`${at}.post_attention_layernorm.weight`, hidden),
    qProj: reader.matrix(`${at}.self_attn.q_proj`, queryRows, hidden),
    kProj: reader.matrix(`${at}.self_attn.k_proj`, keyRows, hidden),
    vProj: reader.matrix(`${at}.self_attn.v_proj`, keyRows, hidden),
    oProj: reader.matrix(`${at}.self_attn.o_proj`, hidden, queryRows),
    feedForward: readExperts
      ? readMoe(reader, dims, `${at}.feed_forward`, readExperts)
      : { kind: 'dense', ...reader.feedForward(`${at}.feed_forward`, hidden, dims.intermediateSizeMlp) },
  };
}

function readMoe(
  reader: MatrixReader,
  dims: TextDims,
  at: string,
  readExperts: ReadExperts,
): LayerTensors['feedForward'] {
  const { hiddenSize: hidden, intermediateSize: inter, numLocalExperts } = dims;
  return {
    kind: 'moe',
    router: reader.matrix(`${at}.router`, numLocalExperts, hidden),
    sharedExpert: reader.feedForward(`${at}.shared_expert`, hidden, inter),
    experts: readExperts(reader, dims, `${at}.experts`),
  };
}
