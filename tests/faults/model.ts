/** The model of the runs under Node. */
import { isVisionTensor } from '../../src/checkpoint/names.ts';
import { TINY } from '../../src/ghost/dims.ts';
import { ghostSpec, withFiles } from '../../src/ghost/spec.ts';
import { generator } from '../../src/ghost/tiles.ts';
import type { GhostSpec } from '../../src/ghost/types.ts';

/** Bytes of a part: small, so that a small model has many. */
export const PART = 32 << 10;
/** Parts that one stream fetches at a time. */
export const PARALLEL = 6;

/** Four shards of int4 weights, about 30 parts, and a tokenizer that is larger than a part. */
export const SPEC: GhostSpec = withFiles(ghostSpec('scout-w4a16', { dims: TINY, maxFileBytes: 400_000 }), {
  'tokenizer.json': randomText(3 * PART + 1000),
});

/** The shards that are loaded: one has nothing but vision tensors. */
export const WEIGHTS = [...SPEC.files.values()].filter(
  ({ path, segments }) =>
    path.endsWith('.safetensors') &&
    segments.some(({ content }) => !(content instanceof Uint8Array) && !isVisionTensor(content.name)),
);
export const WEIGHT_BYTES = WEIGHTS.reduce((sum, { size }) => sum + size, 0);
/** All else that is loaded. */
export const TEXTS = [...SPEC.files.values()].filter(({ path }) => !path.endsWith('.safetensors'));

function randomText(length: number): Uint8Array<ArrayBuffer> {
  const random = generator(1);
  return Uint8Array.from({ length }, () => 32 + Math.floor(95 * random()));
}
