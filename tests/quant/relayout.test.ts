import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dequantizeAwq } from '../../src/quant/awq.ts';
import { dequantizeGptq } from '../../src/quant/gptq.ts';
import { dequantizeInt4 } from '../../src/quant/int4.ts';
import { divideRows, groupOfColumns, int4ZeroPoints, swapNibbles, transposeBytes } from '../../src/quant/relayout.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Random bytes that begin at any offset of their buffer. */
function bytesOf(length: number, seed: number, offset = 0): Bytes {
  const bytes = new Uint8Array(length + offset);
  let state = seed | 1;
  for (let i = 0; i < bytes.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223;
    bytes[i] = state >>> 24;
  }
  return bytes.subarray(offset);
}

const u32 = (bytes: Bytes): Uint32Array<ArrayBuffer> => new Uint32Array(bytes.slice().buffer);
const size = fc.integer({ min: 1, max: 70 });
const seed = fc.integer();
const offset = fc.integer({ min: 0, max: 3 });

test('a transposition puts element [r, c] at [c, r], and twice is nothing', () => {
  fc.assert(
    fc.property(size, size, fc.constantFrom(1, 2, 4), seed, offset, (rows, cols, width, start, shift) => {
      const bytes = bytesOf(rows * cols * width, start, shift);
      const turned = transposeBytes(bytes, rows, cols, width);
      const [row, col] = [rows >> 1, cols - 1];
      const at = (row * cols + col) * width;
      expect(turned.slice((col * rows + row) * width, (col * rows + row + 1) * width)).toEqual(
        bytes.slice(at, at + width),
      );
      expect(transposeBytes(turned, cols, rows, width)).toEqual(bytes.slice());
    }),
  );
});

test('nibbles of every byte change places, at any alignment, and twice is nothing', () => {
  fc.assert(
    fc.property(size, seed, offset, (length, start, shift) => {
      const bytes = bytesOf(length, start, shift);
      const before = bytes.slice();
      swapNibbles(bytes);
      expect(bytes.slice()).toEqual(before.map((byte) => (byte << 4) | (byte >> 4)));
      swapNibbles(bytes);
      expect(bytes.slice()).toEqual(before);
    }),
  );
});

describe('matrices of GPTQ and AWQ, re-ordered, are the same weights to the codec of compressed-tensors', () => {
  const dims = fc.record({
    rows: fc.integer({ min: 1, max: 5 }).map((eights) => eights * 8),
    groups: fc.integer({ min: 1, max: 3 }),
    groupSize: fc.constantFrom(32, 64),
  });

  test('GPTQ, both formats, with and without activation order', () => {
    fc.assert(
      fc.property(
        dims,
        fc.constantFrom(0, 1),
        fc.boolean(),
        seed,
        offset,
        (shape, zeroOffset, ordered, start, shift) => {
          const { rows, groups, groupSize } = shape;
          const cols = groups * groupSize;
          const qweight = bytesOf((rows * cols) / 2, start, shift);
          const qzeros = bytesOf((rows * groups) / 2, start + 1, shift);
          const scales = Float32Array.from(bytesOf(rows * groups, start + 2), (byte) => byte / 256);
          const groupIndex = ordered ? Uint32Array.from(bytesOf(cols, start + 3), (byte) => byte % groups) : undefined;
          const own = { qweight: u32(qweight), qzeros: u32(qzeros), scales, groupIndex, zeroOffset };
          const weights = dequantizeInt4(
            {
              packed: u32(transposeBytes(qweight, cols / 8, rows, 4)),
              scales: new Float32Array(transposeBytes(new Uint8Array(scales.buffer), groups, rows, 4).buffer),
              zeroPoints: u32(int4ZeroPoints(qzeros, groups, rows, 'gptq', zeroOffset)),
              groupIndex,
            },
            { rows, cols, groupSize },
          );
          expect(weights).toEqual(dequantizeGptq(own, { rows, cols, groupSize }));
        },
      ),
    );
  });

  test('zero points of AWQ', () => {
    fc.assert(
      fc.property(dims, seed, offset, ({ rows, groups, groupSize }, start, shift) => {
        const cols = groups * groupSize;
        const qzeros = bytesOf((rows * groups) / 2, start, shift);
        const packed = new Uint32Array((rows * cols) / 8); // all 0, in any order
        const scales = new Float32Array(rows * groups).fill(1);
        const zeroPoints = u32(int4ZeroPoints(qzeros, groups, rows, 'awq', 0));
        const weights = dequantizeInt4({ packed, scales, zeroPoints }, { rows, cols, groupSize });
        const own = { qweight: packed, qzeros: u32(qzeros), scales };
        expect(weights).toEqual(dequantizeAwq(own, { rows, cols, groupSize }));
      }),
    );
  });

  test('the first format of GPTQ stores zero - 1, which wraps: 15 means 0', () => {
    const stored = Uint32Array.of(0xfedcba98, 0x77777777);
    const zeros = int4ZeroPoints(new Uint8Array(stored.buffer), 2, 8, 'gptq', 1);
    expect([...u32(zeros)]).toEqual([0x0fedcba9, 0x88888888]);
  });
});

test('each row of scales is divided by its own number', () => {
  expect([...divideRows(Float32Array.of(1, 2, 3, 6), Float32Array.of(2, 3))]).toEqual([0.5, 1, 1, 2]);
});

describe('the group of each column', () => {
  const index = (...groups: number[]): Bytes => new Uint8Array(Int32Array.from(groups).buffer);
  const dims = { cols: 4, groupSize: 2, tensor: 'x.g_idx' };

  test('is as stored, or by place where all are -1', () => {
    expect([...groupOfColumns(index(1, 0, 1, 0), dims)]).toEqual([1, 0, 1, 0]);
    expect([...groupOfColumns(index(-1, -1, -1, -1), dims)]).toEqual([0, 0, 1, 1]);
  });

  test.each([[[0, 0, 2, 1]], [[0, -1, 1, 1]]])('is refused where it is none: %j', (groups) => {
    const refusal = { code: 'checkpoint_invalid', message: expect.stringContaining('"x.g_idx" puts column') };
    expect(() => groupOfColumns(index(...groups), dims)).toThrow(expect.objectContaining(refusal));
  });
});

test('bytes that are not a whole tensor are a defect of the caller', () => {
  expect(() => transposeBytes(new Uint8Array(5), 2, 3, 1)).toThrow(RangeError);
  expect(() => int4ZeroPoints(new Uint8Array(5), 1, 8, 'awq', 0)).toThrow(RangeError);
});
