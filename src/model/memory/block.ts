/** How many rows one run has: as many as an estimate lets through, so that the desktop stays usable. */
import type { ModelConfig } from '../config.ts';
import { SEGMENT_TOKENS } from './kv.ts';

/** No submit may take longer, by estimate. */
const SUBMIT_SECONDS = 0.2;
/** Rates that the estimate assumes until they are measured: low ones, since a block too small costs little. */
const FLOPS_PER_SECOND = { software: 4e9, hardware: 1e12 };
const MIN_BLOCK = 16;

/** Work after which a submit ends at the next layer border. @param software the adapter computes on the CPU */
export function submitFlops(software: boolean): number {
  return SUBMIT_SECONDS * (software ? FLOPS_PER_SECOND.software : FLOPS_PER_SECOND.hardware);
}

/** Rows of a block: a power of two that stays under the estimate, 16 .. 512. */
export function defaultBlockRows(config: ModelConfig, software: boolean): number {
  const rows = 2 ** Math.floor(Math.log2(submitFlops(software) / flopsPerToken(config)));
  return Math.max(MIN_BLOCK, Math.min(SEGMENT_TOKENS, rows));
}

/** Two per active weight, head and attention left out. */
export function flopsPerToken(config: ModelConfig): number {
  const { hiddenSize: hidden, headDim, numAttentionHeads, numKeyValueHeads, numHiddenLayers, moeLayers } = config;
  const attention = hidden * headDim * (2 * numAttentionHeads + 2 * numKeyValueHeads);
  const moe = 2 * 3 * hidden * config.intermediateSize; // the shared expert and one routed
  const dense = 3 * hidden * config.intermediateSizeMlp;
  return 2 * (numHiddenLayers * attention + moeLayers.length * moe + (numHiddenLayers - moeLayers.length) * dense);
}
