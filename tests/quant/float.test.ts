import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assertFinite } from '../../src/quant/finite.ts';
import {
  bf16ToF32,
  f16ToF32,
  f32ToBf16,
  f32ToF16,
  firstNonFinite,
  narrowFromF32,
  roundHalfEven,
  widenToF32,
} from '../../src/quant/float.ts';

const formats = [
  { format: 'BF16', widen: bf16ToF32, narrow: f32ToBf16, infinity: 0x7f80 },
  { format: 'F16', widen: f16ToF32, narrow: f32ToF16, infinity: 0x7c00 },
] as const;
const f32 = fc.float({ noNaN: true, noDefaultInfinity: true });

describe.each(formats)('$format', ({ format, widen, narrow, infinity }) => {
  test('every bit pattern survives the way to f32 and back', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = widen(bits);
      const isNan = (bits & 0x7fff) > infinity;
      const same = Number.isNaN(value) ? isNan : narrow(value) === bits && !isNan;
      if (!same) expect.fail(`0x${bits.toString(16)} came back another`); // expect() itself 65,536 times takes seconds
    }
    expect(widen(infinity)).toBe(Number.POSITIVE_INFINITY);
    expect(Number.isNaN(widen(narrow(Number.NaN)))).toBe(true);
  });

  test('narrowing takes the nearest value, and of two equally near the even one', () => {
    const check = (value: number): void => {
      const bits = narrow(value);
      const magnitude = bits & 0x7fff;
      expect(bits >> 15).toBe(Object.is(value, -0) || value < 0 ? 1 : 0);
      // The step to infinity counts as one more step of the same size, as IEEE 754 has it.
      const widenEnd = (m: number): number => (m === infinity ? 2 * widen(m - 1) - widen(m - 2) : widen(m));
      const error = Math.abs(Math.abs(value) - widenEnd(magnitude));
      for (const other of [magnitude - 1, magnitude + 1]) {
        if (other < 0 || other > infinity) continue;
        const otherError = Math.abs(Math.abs(value) - widenEnd(other));
        if (magnitude === infinity && Math.abs(value) > widenEnd(infinity)) continue; // far beyond the largest
        expect(error).toBeLessThanOrEqual(otherError);
        if (error === otherError) expect(magnitude % 2).toBe(0);
      }
    };
    fc.assert(fc.property(f32, check), { numRuns: 2000 });
    const nearF16 = fc.float({ noNaN: true, min: -70000, max: 70000 });
    fc.assert(fc.property(nearF16, check), { numRuns: 2000 });
    const subnormalF16 = fc.float({ noNaN: true, min: Math.fround(-1e-4), max: Math.fround(1e-4) });
    fc.assert(fc.property(subnormalF16, check), { numRuns: 2000 });
    const ties = fc.integer({ min: 0, max: infinity - 2 }).map((m) => Math.fround((widen(m) + widen(m + 1)) / 2));
    fc.assert(fc.property(ties, check), { numRuns: 2000 });
  });

  test('arrays convert like their elements, at any byte offset', () => {
    fc.assert(
      fc.property(fc.array(f32), fc.nat(3), (values, offset) => {
        const expected = values.map((value) => widen(narrow(value)));
        const bytes = narrowFromF32(Float32Array.from(values), format);
        const shifted = new Uint8Array(bytes.length + offset);
        shifted.set(bytes, offset);
        expect([...widenToF32(shifted.subarray(offset), format)]).toEqual(expected);
      }),
    );
  });

  test('the first NaN or infinity is found, and only those', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const bytes = narrowFromF32(Float32Array.of(0, -1, 6e4, bad, bad), format);
      expect(firstNonFinite(bytes, format)).toBe(3);
      expect(firstNonFinite(bytes.subarray(0, 6), format)).toBe(-1);
    }
  });
});

test('f32 bytes are copied, and checked for NaN and infinity', () => {
  const bytes = narrowFromF32(Float32Array.of(1.1, Number.NEGATIVE_INFINITY), 'F32');
  expect([...widenToF32(bytes, 'F32')]).toEqual([Math.fround(1.1), Number.NEGATIVE_INFINITY]);
  expect(() => assertFinite(bytes, 'F32', 'x.weight_scale', 100)).toThrow(
    expect.objectContaining({ code: 'checkpoint_invalid', details: { tensor: 'x.weight_scale', index: 101 } }),
  );
});

test('halves round to the even neighbour', () => {
  expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4, 2.6].map(roundHalfEven)).toEqual([-2, -2, 0, 0, 2, 2, 2, 3]);
});
