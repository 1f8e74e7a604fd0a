/** The longest conversation that some memory holds. */
import { OutriderError } from '../../errors.ts';
import type { ModelConfig } from '../config.ts';
import type { Schedule } from '../irope.ts';
import { SEGMENT_TOKENS } from './kv.ts';
import { sizeTimeline, type TimelineRequest } from './timeline.ts';

/**
 * The longest context that `bytes` hold beside the weights, in steps of 512 tokens or the model's own maximum; 0 where not
 * even the first step fits.
 */
export function longestContext(
  config: ModelConfig,
  schedule: Schedule,
  request: TimelineRequest,
  bytes: number,
): number {
  const fits = (contextLength: number): boolean => {
    try {
      const { kv, activations } = sizeTimeline(config, schedule, contextLength, request);
      return kv + activations <= bytes;
    } catch (error) {
      if (error instanceof OutriderError && error.code === 'model_too_large') return false;
      throw error;
    }
  };
  const most = config.maxPositionEmbeddings;
  if (fits(most)) return most;
  let [low, high] = [0, Math.ceil(most / SEGMENT_TOKENS)]; // steps: `low` fits, `high` does not
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle * SEGMENT_TOKENS)) low = middle;
    else high = middle;
  }
  return low * SEGMENT_TOKENS;
}
