import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  dequantizeInt4,
  packInt4,
  packZeroPoints,
  quantizeInt4,
  unpackInt4,
  unpackZeroPoints,
} from '../../src/quant/int4.ts';

const nibble = fc.integer({ min: -8, max: 7 });
const dims = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  groups: fc.integer({ min: 1, max: 3 }),
  groupSize: fc.constantFrom(32, 64, 128),
});

test('the lowest nibble is the lowest column, and 0 is stored as 8', () => {
  expect([...packInt4(Int8Array.of(-8, -7, 0, 0, 0, 0, 0, 7))]).toEqual([0xf8888810]);
});

test('packing and unpacking are inverse, for weights and for zero points of any number of rows', () => {
  fc.assert(
    fc.property(fc.array(nibble, { minLength: 8, maxLength: 80 }), (values) => {
      const whole = Int8Array.from(values.slice(0, values.length & ~7));
      expect(unpackInt4(packInt4(whole))).toEqual(whole);
    }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 5 }),
      fc.infiniteStream(nibble),
      (rows, groups, stream) => {
        const values = Int8Array.from([...stream.take(rows * groups)]);
        expect(unpackZeroPoints(packZeroPoints(values, rows), rows)).toEqual(values);
      },
    ),
  );
});

test('weights that are on the grid come back exactly, and quantizing them again changes nothing', () => {
  fc.assert(
    fc.property(
      dims,
      fc.infiniteStream(nibble),
      fc.constantFrom(0.5, 2 ** -9, 3),
      ({ rows, groups, groupSize }, stream, scale) => {
        const cols = groups * groupSize;
        const values = Int8Array.from([...stream.take(rows * cols)]);
        const scales = new Float32Array(rows * groups).fill(scale);
        const weights = dequantizeInt4(
          { packed: packInt4(values), scales, zeroPoints: undefined },
          { rows, cols, groupSize },
        );
        expect(weights).toEqual(Float32Array.from(values, (value) => value * scale));
      },
    ),
    { numRuns: 30 },
  );
});

test('every weight is within half a step of its value, or clipped at the top by at most one step', () => {
  const weight = fc.float({ noNaN: true, min: -4, max: 4 });
  for (const symmetric of [true, false]) {
    fc.assert(
      fc.property(dims, fc.infiniteStream(weight), ({ rows, groups, groupSize }, stream) => {
        const cols = groups * groupSize;
        const weights = Float32Array.from([...stream.take(rows * cols)]);
        const quantized = quantizeInt4(weights, { rows, cols, groupSize, symmetric, scaleDtype: 'F32' });
        const back = dequantizeInt4(quantized, { rows, cols, groupSize });
        for (const [i, value] of weights.entries()) {
          const scale = quantized.scales[Math.floor(i / groupSize)]!;
          // Symmetric: +absmax lies at 7.5 steps and goes to 7. Asymmetric: the zero point itself is rounded.
          expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(scale * (symmetric ? 0.5001 : 1.0001));
        }
      }),
      { numRuns: 30 },
    );
  }
});

test('a group of zeros gets the library’s epsilon as its scale', () => {
  const options = { rows: 1, cols: 32, groupSize: 32, symmetric: true, scaleDtype: 'BF16' } as const;
  const { packed, scales } = quantizeInt4(new Float32Array(32), options);
  expect([...scales]).toEqual([2 ** -23]);
  expect([...packed]).toEqual([0x88888888, 0x88888888, 0x88888888, 0x88888888]);
});

test('weights that do not fill their groups are a defect of the caller', () => {
  const options = { rows: 1, cols: 40, groupSize: 32, symmetric: true, scaleDtype: 'BF16' } as const;
  expect(() => quantizeInt4(new Float32Array(40), options)).toThrow(RangeError);
});
