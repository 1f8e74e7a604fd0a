/** Floats to 8-bit affine, as shaders/quantize.wgsl computes it: what a recipe makes of a bf16 backbone while loading. */
import type { AffineWeights } from './affine.ts';
import { bf16ToF32, f32ToBf16, roundHalfEven } from './float.ts';

export interface QuantizeAffineDims {
  readonly rows: number;
  /** A multiple of `groupSize`. */
  readonly cols: number;
  /** A multiple of 4. */
  readonly groupSize: number;
}

/** Groups whose range is narrower, and magnitudes below it, count as zero: GPUs may flush what comes near f32's least. */
const LEAST = 2 ** -100;

/**
 * w = q * scale + bias with q in 0..255 and scale and bias in bf16, both rounded outwards (the bias down, the scale up), so
 * that a group's whole range is covered and no weight is off by more than half a scale. A group of one bf16 value is exact.
 * @param weights [rows, cols]; finite, magnitudes below 2^126
 */
export function quantizeAffine(
  weights: Float32Array,
  { rows, cols, groupSize }: QuantizeAffineDims,
): AffineWeights & { readonly packed: Uint32Array<ArrayBuffer> } {
  if (weights.length !== rows * cols || cols % groupSize !== 0 || groupSize % 4 !== 0) {
    throw new RangeError(`${weights.length} weights are not [${rows}, ${cols}] in groups of ${groupSize}`);
  }
  const groups = weights.length / groupSize;
  const scales = new Float32Array(groups);
  const biases = new Float32Array(groups);
  const packed = new Uint32Array(weights.length / 4);
  for (let group = 0; group < groups; group++) {
    const own = weights.subarray(group * groupSize, (group + 1) * groupSize);
    const { scale, bias } = groupParameters(own);
    scales[group] = scale;
    biases[group] = bias;
    if (scale === 0) continue;
    own.forEach((weight, i) => {
      // A quotient of 24 by 8 bits that is no tie is further from one than a double's rounding.
      // What counts as zero may lie below a bias of zero.
      const q = Math.max(0, roundHalfEven(Math.fround(weight - bias) / scale));
      packed[(group * groupSize + i) >> 2]! |= q << (8 * (i & 3));
    });
  }
  return { packed, scales, biases };
}

function groupParameters(weights: Float32Array): { scale: number; bias: number } {
  const min = weights.reduce((least, weight) => Math.min(least, weight), Number.POSITIVE_INFINITY);
  const max = weights.reduce((most, weight) => Math.max(most, weight), Number.NEGATIVE_INFINITY);
  const bias = Math.abs(min) < LEAST ? 0 : floorToBf16(min);
  const range = Math.fround(max - bias);
  return { scale: range < LEAST ? 0 : leastScale(range), bias };
}

/** The largest bf16 that is not above. */
function floorToBf16(value: number): number {
  const bits = f32ToBf16(value);
  if (bf16ToF32(bits) <= value) return bf16ToF32(bits);
  return bf16ToF32(value > 0 ? bits - 1 : bits + 1); // the sign is a bit apart: one more is further from zero
}

/** The least bf16 of which 255 cover the range. */
function leastScale(range: number): number {
  let bits = f32ToBf16(range / 255);
  while (255 * bf16ToF32(bits) < range) bits++;
  return bf16ToF32(bits);
}
