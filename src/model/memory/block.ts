/** How many rows one run has. */
import type { ModelConfig } from '../config.ts';
import { SEGMENT_TOKENS } from './kv.ts';

/** Rows that the buffers of a run have room for: those of a KV segment, which a run must not leave. */
export const MAX_BLOCK_ROWS = SEGMENT_TOKENS;
const MIN_BLOCK_ROWS = 16;

/**
 * Rows of a block: a power of two, 16 .. 512, for which no layer is more work than `submitFlops`, since submits end only
 * between layers.
 */
export function blockRows(config: ModelConfig, submitFlops: number): number {
  const rows = 2 ** Math.floor(Math.log2(submitFlops / flopsPerLayer(config)));
  return Math.max(MIN_BLOCK_ROWS, Math.min(MAX_BLOCK_ROWS, rows));
}

/** Of the heaviest layer and one token: two per active weight, attention left out. */
function flopsPerLayer(config: ModelConfig): number {
  const { hiddenSize: hidden, headDim, numAttentionHeads, numKeyValueHeads, numHiddenLayers, moeLayers } = config;
  const projections = hidden * headDim * (2 * numAttentionHeads + 2 * numKeyValueHeads);
  const moe = moeLayers.length > 0 ? 2 * 3 * hidden * config.intermediateSize : 0; // the shared expert and one routed
  const dense = moeLayers.length < numHiddenLayers ? 3 * hidden * config.intermediateSizeMlp : 0;
  return 2 * (projections + Math.max(moe, dense));
}
