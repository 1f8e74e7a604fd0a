/**
 * iRoPE: decides once, from the config, what every layer is. Nothing else looks at layer numbers.
 *
 * Llama 4 alternates layers with RoPE, which attend inside hard chunks of `attention_chunk_size` tokens by absolute
 * position, with NoPE layers, which attend to everything and scale their queries by a temperature. A chunked layer
 * therefore needs one chunk-sized KV region that restarts at each boundary; a global one needs growing segments.
 */
import type { ModelConfig } from './config.ts';

export interface LayerPlan {
  readonly index: number;
  readonly attention: 'chunked' | 'global';
  readonly rope: boolean;
  /** Weightless RMS norm of every query and key head, after RoPE. */
  readonly qkNorm: boolean;
  /** Queries are multiplied by `temperatureAt(position)`. */
  readonly temperature: boolean;
  readonly feedForward: 'dense' | 'moe';
}

export interface Schedule {
  readonly layers: readonly LayerPlan[];
  /** Tokens per attention chunk, or Infinity where no layer is chunked. */
  readonly chunk: number;
}

export function scheduleLayers(config: ModelConfig): Schedule {
  const moe = new Set(config.moeLayers);
  const layers = config.noRopeLayers.map((usesRope, index): LayerPlan => {
    const rope = usesRope === 1;
    return {
      index,
      attention: config.layerTypes[index] === 'chunked_attention' ? 'chunked' : 'global',
      rope,
      qkNorm: rope && config.useQkNorm,
      temperature: !rope && config.attnTemperatureTuning,
      feedForward: moe.has(index) ? 'moe' : 'dense',
    };
  });
  const chunked = layers.some((layer) => layer.attention === 'chunked');
  return { layers, chunk: chunked ? config.attentionChunkSize! : Number.POSITIVE_INFINITY };
}
