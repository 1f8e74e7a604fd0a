/** Arithmetic of positions: where runs are cut and timelines rewound, and what depends on a position alone. */
import type { ModelConfig } from './config.ts';

/** Cuts positions [start, end) so that no piece crosses a chunk boundary and none is longer than `block`. */
export function cutPrompt(start: number, end: number, chunk: number, block: number): { start: number; end: number }[] {
  const pieces: { start: number; end: number }[] = [];
  while (start < end) {
    const boundary = chunk === Number.POSITIVE_INFINITY ? end : (Math.floor(start / chunk) + 1) * chunk;
    const stop = Math.min(end, boundary, start + block);
    pieces.push({ start, end: stop });
    start = stop;
  }
  return pieces;
}

/**
 * Where generation must restart so that position `keep` is the next one, when `length` tokens have been processed.
 * Global layers keep everything; a chunked layer's region holds only the chunk of the last processed token, so going
 * back over its boundary goes to the start of `keep`'s own chunk, where chunked layers are empty, and prefills again.
 */
export function rewindPoint(keep: number, length: number, chunk: number): number {
  if (keep >= length || chunk === Number.POSITIVE_INFINITY) return Math.min(keep, length);
  const current = Math.floor((length - 1) / chunk) * chunk;
  return keep >= current ? keep : Math.floor(keep / chunk) * chunk;
}

/** Query scale of a NoPE layer at an absolute position: 1 + attn_scale * ln(1 + floor((p + 1) / floor_scale)). */
export function temperatureAt(position: number, config: Pick<ModelConfig, 'attnScale' | 'floorScale'>): number {
  return 1 + config.attnScale * Math.log(1 + Math.floor((position + 1) / config.floorScale));
}

/** Rotation per position of each interleaved pair (2j, 2j + 1), radians; the llama3 rule of Transformers. */
export function ropeFrequencies(config: Pick<ModelConfig, 'headDim' | 'rope'>): Float64Array {
  const { headDim, rope } = config; // -> [headDim / 2]
  return Float64Array.from({ length: headDim / 2 }, (_, pair) => {
    const frequency = rope.theta ** ((-2 * pair) / headDim);
    if (rope.type === 'default') return frequency;
    const { factor, lowFreqFactor: low, highFreqFactor: high, originalMaxPositionEmbeddings: original } = rope;
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < original / high) return frequency;
    if (wavelength > original / low || low === high) return frequency / factor; // low == high: the band is empty
    const smooth = (original / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}
