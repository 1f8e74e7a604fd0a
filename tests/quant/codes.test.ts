import { describe, expect, test } from 'vitest';
import { dequantizeAffine } from '../../src/quant/affine.ts';
import { dequantizeFp8, E4M3, firstNanE4m3 } from '../../src/quant/fp8.ts';
import { checkNf4Code, checkQuantState, dequantizeNf4, nf4Absmax, parseQuantState } from '../../src/quant/nf4.ts';
import { NF4_CODE } from '../../src/quant/nf4-code.ts';
import { dequantizeNvfp4, E2M1 } from '../../src/quant/nvfp4.ts';

test('E4M3: ends, subnormals, NaN, and the order of all positive codes', () => {
  expect([0x00, 0x01, 0x07, 0x08, 0x38, 0x7e, 0xfe].map((code) => E4M3[code])).toEqual([
    0,
    2 ** -9,
    7 * 2 ** -9,
    2 ** -6,
    1,
    448,
    -448,
  ]);
  expect([E4M3[0x7f], E4M3[0xff]]).toEqual([Number.NaN, Number.NaN]);
  for (let code = 1; code < 0x7f; code++) expect(E4M3[code]).toBeGreaterThan(E4M3[code - 1]!);
  expect(firstNanE4m3(Uint8Array.of(0x7e, 0xfe, 0xff))).toBe(2);
  expect(firstNanE4m3(Uint8Array.of(0x7e, 0xfe))).toBe(-1);
});

test('FP8: blocks that the edges cut off have scales of their own', () => {
  const ones = new Uint8Array(3 * 5).fill(0x38);
  const scales = Float32Array.of(1, 2, 3, 4, 5, 6);
  const weights = dequantizeFp8(ones, scales, { rows: 3, cols: 5, block: { rows: 2, cols: 2 } });
  expect([...weights]).toEqual([1, 1, 2, 2, 3, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6]);
});

test('E2M1: the low nibble is the even column, and a global scale divides or multiplies', () => {
  const packed = Uint8Array.from({ length: 8 }, (_, i) => 2 * i + ((2 * i + 1) << 4));
  const parts = { packed, scales: Uint8Array.of(0x40), globalScale: 4 };
  const dims = { rows: 1, cols: 16 };
  expect([...dequantizeNvfp4({ ...parts, divides: true }, dims)]).toEqual(E2M1.map((code) => code / 2));
  expect([...dequantizeNvfp4({ ...parts, divides: false }, dims)]).toEqual(E2M1.map((code) => code * 8));
});

test.each([4, 8] as const)('affine, %i bits: unsigned, lowest bits first, under any sign of the scale', (bits) => {
  const cols = 32;
  const packed = Uint32Array.from({ length: (cols * bits) / 32 }, () => (bits === 4 ? 0xf0f0f0f0 : 0xff00ff00));
  const weights = dequantizeAffine(
    { packed, scales: Float32Array.of(-0.5), biases: Float32Array.of(1) },
    { rows: 1, cols, groupSize: 32, bits },
  );
  expect([...weights].slice(0, 4)).toEqual([1, 1 - 0.5 * (2 ** bits - 1), 1, 1 - 0.5 * (2 ** bits - 1)]);
});

describe('NF4', () => {
  test('the high nibble is the even element', () => {
    const packed = new Uint8Array(32).fill(0xf0);
    expect([...dequantizeNf4(packed, Float32Array.of(2))].slice(0, 3)).toEqual([2, -2, 2]);
  });

  test('quantized block maxima: 256 blocks of the whole stack share one, wherever a part begins', () => {
    const codes = Uint8Array.from({ length: 400 }, (_, i) => i % 251);
    const quantMap = Float32Array.from({ length: 256 }, (_, i) => Math.sin(i));
    const nested = { absmax: Float32Array.of(1, 10, 100), quantMap, offset: 0.1 };
    const whole = nf4Absmax(codes, { ...nested, firstBlock: 0 });
    const part = nf4Absmax(codes.subarray(200), { ...nested, firstBlock: 200 });
    expect(part).toEqual(whole.slice(200));
    expect(whole[256]).toBe(Math.fround(Math.fround(quantMap[5]! * 10) + Math.fround(0.1)));
  });

  test('another code is refused', () => {
    checkNf4Code(NF4_CODE.slice());
    const other = NF4_CODE.map((value, i) => (i === 3 ? value * 1.0001 : value));
    expect(() => checkNf4Code(other)).toThrow(expect.objectContaining({ code: 'quantization_unsupported' }));
  });

  const state = { quant_type: 'nf4', blocksize: 64, dtype: 'bfloat16', shape: [8, 64] };
  const nested = { ...state, nested_blocksize: 256, nested_dtype: 'float32', nested_offset: 0.25 };
  const bytes = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));

  test('a quant_state says shape, blocks and offset', () => {
    const parsed = { shape: [8, 64], blocksize: 64, nestedBlocksize: undefined, nestedOffset: undefined };
    expect(parseQuantState(bytes(state))).toEqual({ ...parsed, quantType: 'nf4' });
    expect(parseQuantState(bytes(nested))).toMatchObject({ nestedBlocksize: 256, nestedOffset: 0.25 });
  });

  test.each<[string, Uint8Array]>([
    ['no JSON', new Uint8Array([0xff, 0x00])],
    ['no object', bytes(null)],
    ['no shape', bytes({ ...state, shape: 5 })],
    ['a nested offset of another type', bytes({ ...nested, nested_offset: '1' })],
  ])('a quant_state that is %s is invalid', (_name, text) => {
    expect(() => parseQuantState(text)).toThrow(expect.objectContaining({ code: 'checkpoint_invalid' }));
  });

  const matrix = { rows: 8, cols: 64, nested: false, tensor: 'x' };
  test.each<[string, object, object, string | undefined]>([
    ['as expected', state, matrix, undefined],
    ['a stack of such', { ...state, shape: [3, 8, 64] }, matrix, undefined],
    ['nested', nested, { ...matrix, nested: true }, undefined],
    ['transposed', { ...state, shape: [3, 64, 8] }, matrix, 'tensor_mismatch'],
    ['nested, its tensors not', nested, matrix, 'tensor_mismatch'],
    ['fp4', { ...state, quant_type: 'fp4' }, matrix, 'quantization_unsupported'],
    ['in other blocks', { ...state, blocksize: 128 }, matrix, 'quantization_unsupported'],
    [
      'nested in other blocks',
      { ...nested, nested_blocksize: 128 },
      { ...matrix, nested: true },
      'quantization_unsupported',
    ],
  ])('a quant_state is compared with the matrix: %s', (_name, json, expected, code) => {
    const check = () => checkQuantState(parseQuantState(bytes(json)), expected as typeof matrix);
    if (code === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code }));
  });
});
