import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantizeAffine } from '../../src/quant/affine.ts';
import { bf16ToF32, narrowFromF32, widenToF32 } from '../../src/quant/float.ts';
import { quantizeAffine } from '../../src/quant/quantize-affine.ts';

const groupSize = 32;
/** Magnitudes and ranges below 2^-100 count as zero; both may. */
const TINY = 2 ** -99;
const dims = (values: Float32Array) => ({ rows: 1, cols: values.length, groupSize });

/** Groups of any place and width. */
const groups = fc
  .array(
    fc.record({
      center: fc.double({ min: -4, max: 4, noNaN: true }),
      exponent: fc.integer({ min: -40, max: 40 }),
      units: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: groupSize, maxLength: groupSize }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) =>
    Float32Array.from(
      list.flatMap(({ center, exponent, units }) => units.map((unit) => center + unit * 2 ** exponent)),
    ),
  );

describe('8-bit affine quantization', () => {
  it('is off by half a step at most, with scales and biases that bf16 holds', () => {
    fc.assert(
      fc.property(groups, (weights) => {
        const quantized = quantizeAffine(weights, dims(weights));
        const back = dequantizeAffine(quantized, { ...dims(weights), bits: 8 });
        for (const part of [quantized.scales, quantized.biases])
          expect(widenToF32(narrowFromF32(part, 'BF16'), 'BF16')).toEqual(part);
        weights.forEach((weight, i) => {
          const scale = quantized.scales[Math.floor(i / groupSize)]!;
          const bias = quantized.biases[Math.floor(i / groupSize)]!;
          const roundings = 2 ** -22 * (Math.abs(weight) + Math.abs(bias)); // of difference, quotient, product and sum
          expect(Math.abs(back[i]! - weight)).toBeLessThanOrEqual(scale / 2 + roundings + TINY);
        });
      }),
    );
  });

  it('spends no more than the range, the bias rounded down and the scale rounded up', () => {
    fc.assert(
      fc.property(groups, (weights) => {
        const { scales, biases } = quantizeAffine(weights, dims(weights));
        scales.forEach((scale, group) => {
          const own = weights.subarray(group * groupSize, (group + 1) * groupSize);
          const [min, max] = [Math.min(...own), Math.max(...own)];
          expect(biases[group]!).toBeLessThanOrEqual(min + TINY);
          expect(min - biases[group]!).toBeLessThanOrEqual(Math.abs(min) * 2 ** -7 + TINY);
          expect(scale).toBeLessThanOrEqual(((max - biases[group]!) / 255) * (1 + 2 ** -7 + 2 ** -20) + TINY);
        });
      }),
    );
  });

  it('keeps a group of one bf16 value exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), (bits) => {
        const value = bf16ToF32(bits);
        fc.pre(Math.abs(value) >= 2 ** -100 && Math.abs(value) < 2 ** 126);
        const weights = new Float32Array(groupSize).fill(value);
        expect(dequantizeAffine(quantizeAffine(weights, dims(weights)), { ...dims(weights), bits: 8 })).toEqual(
          weights,
        );
      }),
    );
  });

  it('keeps the neighbours of a weight that counts as zero, below a bias of zero', () => {
    const weights = Float32Array.from({ length: groupSize }, (_, i) => (i % 4 ? 1.7 : -0.7) * 2 ** -100);
    const back = dequantizeAffine(quantizeAffine(weights, dims(weights)), { ...dims(weights), bits: 8 });
    back.forEach((value, i) => {
      if (i % 4) expect(value).toBeCloseTo(weights[i]!, 32);
      else expect(value).toBe(0);
    });
  });

  it('refuses columns that are no whole groups', () => {
    expect(() => quantizeAffine(new Float32Array(48), dims(new Float32Array(48)))).toThrow(RangeError);
  });
});
