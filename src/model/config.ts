/**
 * The text part of a Llama 4 `config.json`, in Hugging Face's words, camelCased, with every default filled in
 * (defaults: `Llama4TextConfig` of Transformers).
 */
export interface ModelConfig {
  readonly hiddenSize: number;
  /** Width of a routed expert and of the shared expert. */
  readonly intermediateSize: number;
  /** Width of the dense layers' feed-forward. */
  readonly intermediateSizeMlp: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  /** 0: a dense model. */
  readonly numLocalExperts: number;
  /** Layers with routed experts. */
  readonly moeLayers: readonly number[];
  /** Per layer: 1 = the layer USES RoPE, 0 = NoPE (the published name is inverted). */
  readonly noRopeLayers: readonly (0 | 1)[];
  /** Per layer. */
  readonly layerTypes: readonly ('chunked_attention' | 'full_attention')[];
  /** Tokens. Only layers of type `chunked_attention` look at it; undefined where there are none. */
  readonly attentionChunkSize: number | undefined;
  readonly useQkNorm: boolean;
  readonly attnTemperatureTuning: boolean;
  readonly floorScale: number;
  readonly attnScale: number;
  readonly rmsNormEps: number;
  readonly rope: RopeConfig;
  readonly maxPositionEmbeddings: number;
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | undefined;
  readonly eosTokenIds: readonly number[];
}

export type RopeConfig =
  | { readonly type: 'default'; readonly theta: number }
  | {
      readonly type: 'llama3';
      readonly theta: number;
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    };
