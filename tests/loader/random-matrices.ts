/** Random matrices of every kind as files hold them. */
import type { FloatDtype, Int4Matrix, Matrix, Nf4Matrix } from '../../src/checkpoint/model-tensors.ts';
import { partOf, runOf } from '../../src/checkpoint/tensor.ts';
import { narrowFromF32 } from '../../src/quant/float.ts';
import { NF4_CODE } from '../../src/quant/nf4-code.ts';
import type { CheckpointBuilder } from './checkpoint-builder.ts';

/** Makes one matrix [rows, cols]. */
export type MakeMatrix = (builder: CheckpointBuilder, rows: number, cols: number) => Matrix;

/** Makes the matrices [rows, cols] that lie in one stack of tensors. */
export type MakeStack = (builder: CheckpointBuilder, count: number, rows: number, cols: number) => Matrix[];

export interface Kind<Make> {
  /** Columns are a multiple of it. */
  readonly unit: number;
  readonly make: Make;
}

const floatsOf = ({ random }: CheckpointBuilder, dtype: FloatDtype, count: number) =>
  narrowFromF32(random.normals(count), dtype);

/** Positive, not near zero. */
const scalesOf = ({ random }: CheckpointBuilder, dtype: FloatDtype, count: number) =>
  narrowFromF32(
    new Float32Array(count).map(() => 0.5 + random.uniform()),
    dtype,
  );

const wordsOf = ({ random }: CheckpointBuilder, count: number) => random.words(count) as Uint32Array<ArrayBuffer>;

/** E4M3 codes without NaN. */
function codesOf(builder: CheckpointBuilder, count: number): Uint8Array<ArrayBuffer> {
  const codes = new Uint8Array(wordsOf(builder, Math.ceil(count / 4)).buffer, 0, count);
  return codes.map((code) => ((code & 0x7f) === 0x7f ? 0 : code));
}

const float =
  (dtype: FloatDtype): MakeMatrix =>
  (builder, rows, cols) => {
    const weight = builder.add(dtype, [rows, cols], floatsOf(builder, dtype, rows * cols));
    return { kind: 'float', rows, cols, dtype, weight, transposed: false };
  };

interface Int4Options {
  readonly groupSize?: number;
  readonly scale?: FloatDtype;
  readonly zeros?: boolean;
  readonly zeroOffset?: 0 | 1;
  readonly order?: 'shuffled' | 'natural';
}

const int4 =
  (packing: Int4Matrix['packing'], options: Int4Options = {}): MakeMatrix =>
  (builder, rows, cols) => {
    const { groupSize = 32, scale = 'BF16', zeros = false, zeroOffset = 0, order } = options;
    const groups = cols / groupSize;
    const isOwn = packing === 'compressed-tensors';
    const shape = { 'compressed-tensors': [rows, cols / 8], gptq: [cols / 8, rows], awq: [cols, rows / 8] }[packing];
    const scaleShape = isOwn ? [rows, groups] : [groups, rows];
    const zeroShape = isOwn ? [Math.ceil(rows / 8), groups] : [groups, rows / 8];
    const group = (): Int32Array<ArrayBuffer> =>
      new Int32Array(cols).map(() => (order === 'natural' ? -1 : builder.random.below(groups)));
    return {
      ...{ kind: 'int4', rows, cols, groupSize, packing, zeroOffset, divisor: undefined },
      packed: builder.add('I32', shape, wordsOf(builder, (rows * cols) / 8)),
      scales: builder.add(scale, scaleShape, scalesOf(builder, scale, rows * groups)),
      zeroPoints: zeros ? builder.add('I32', zeroShape, wordsOf(builder, zeroShape[0]! * zeroShape[1]!)) : undefined,
      groupIndex: order ? builder.add('I32', [cols], group()) : undefined,
    };
  };

const affine =
  (bits: 4 | 8, dtype: FloatDtype): MakeMatrix =>
  (builder, rows, cols) => ({
    ...{ kind: 'affine', rows, cols, bits, groupSize: 32 },
    packed: builder.add('U32', [rows, (cols * bits) / 32], wordsOf(builder, (rows * cols * bits) / 32)),
    scales: builder.add(dtype, [rows, cols / 32], scalesOf(builder, dtype, (rows * cols) / 32)),
    biases: builder.add(dtype, [rows, cols / 32], floatsOf(builder, dtype, (rows * cols) / 32)),
  });

const fp8 =
  (scalePer: 'channel' | 'block' | 'tensor', dtype: FloatDtype): MakeMatrix =>
  (builder, rows, cols) => {
    const block = { channel: { rows: 1, cols }, block: { rows: 128, cols: 128 }, tensor: { rows, cols } }[scalePer];
    const shape = [Math.ceil(rows / block.rows), Math.ceil(cols / block.cols)];
    return {
      ...{ kind: 'fp8', rows, cols, block },
      weight: builder.add('F8_E4M3', [rows, cols], codesOf(builder, rows * cols)),
      scales: builder.add(dtype, shape, scalesOf(builder, dtype, shape[0]! * shape[1]!)),
    };
  };

const nvfp4 =
  (divides: boolean): MakeMatrix =>
  (builder, rows, cols) => ({
    ...{ kind: 'nvfp4', rows, cols, divides, transposed: false },
    packed: builder.add('U8', [rows, cols / 2], new Uint8Array(wordsOf(builder, (rows * cols) / 8).buffer)),
    scales: builder.add('F8_E4M3', [rows, cols / 16], codesOf(builder, (rows * cols) / 16)),
    globalScale: builder.add('F32', [1], scalesOf(builder, 'F32', 1)),
  });

const stackOfFloats =
  (dtype: FloatDtype): MakeStack =>
  (builder, count, rows, cols) => {
    const stack = builder.add(dtype, [count, cols, rows], floatsOf(builder, dtype, count * rows * cols));
    return Array.from({ length: count }, (_, index) => ({
      ...{ kind: 'float', rows, cols, dtype, transposed: true },
      weight: partOf(stack, index),
    }));
  };

const stackOfNvfp4 =
  (isShared: boolean): MakeStack =>
  (builder, count, rows, cols) => {
    const codes = new Uint8Array(wordsOf(builder, (count * rows * cols) / 8).buffer);
    const packed = builder.add('U8', [count, cols / 2, rows], codes);
    const scales = builder.add('F8_E4M3', [count, cols / 16, rows], codesOf(builder, (count * rows * cols) / 16));
    const global = builder.add('F32', [isShared ? 1 : count], scalesOf(builder, 'F32', isShared ? 1 : count));
    return Array.from({ length: count }, (_, index) => ({
      ...{ kind: 'nvfp4', rows, cols, divides: false, transposed: true },
      packed: partOf(packed, index),
      scales: partOf(scales, index),
      globalScale: isShared ? global : partOf(global, index),
    }));
  };

const stackOfNf4 =
  (isNested: boolean): MakeStack =>
  (builder, count, rows, cols) => {
    const blocks = (rows * cols) / 64;
    const all = count * blocks;
    const packed = builder.add('U8', [all * 32, 1], new Uint8Array(wordsOf(builder, all * 8).buffer));
    const codes = new Uint8Array(wordsOf(builder, Math.ceil(all / 4)).buffer, 0, all);
    const absmax = isNested
      ? builder.add('U8', [all], codes)
      : builder.add('F32', [all], scalesOf(builder, 'F32', all));
    const outer = Math.ceil(all / 256);
    const nested = isNested && {
      absmax: builder.add('F32', [outer], scalesOf(builder, 'F32', outer)),
      quantMap: builder.add('F32', [256], floatsOf(builder, 'F32', 256)),
    };
    const quantMap = builder.add('F32', [16], NF4_CODE);
    const json = new TextEncoder().encode(
      JSON.stringify({
        ...{ quant_type: 'nf4', blocksize: 64, dtype: 'bfloat16', shape: [count, rows, cols] },
        ...(isNested ? { nested_blocksize: 256, nested_offset: 0.25 } : {}),
      }),
    );
    const quantState = builder.add('U8', [json.length], json);
    return Array.from(
      { length: count },
      (_, index): Nf4Matrix => ({
        ...{ kind: 'nf4', rows, cols, quantMap, quantState },
        packed: runOf(packed, index * blocks * 32, 'U8', [blocks * 32]),
        absmax: runOf(absmax, index * blocks * (isNested ? 1 : 4), absmax.dtype, [blocks]),
        nested: nested ? { ...nested, first: index * blocks } : undefined,
      }),
    );
  };

const single =
  (make: MakeStack): MakeMatrix =>
  (builder, rows, cols) =>
    make(builder, 1, rows, cols)[0]!;

export const MATRICES: Readonly<Record<string, Kind<MakeMatrix>>> = {
  bf16: { unit: 8, make: float('BF16') },
  f16: { unit: 8, make: float('F16') },
  f32: { unit: 8, make: float('F32') },
  'compressed-tensors int4': { unit: 32, make: int4('compressed-tensors') },
  'compressed-tensors int4, asymmetric, groups of 64': {
    unit: 64,
    make: int4('compressed-tensors', { groupSize: 64, zeros: true, scale: 'F16' }),
  },
  'compressed-tensors int4 in activation order': {
    unit: 32,
    make: int4('compressed-tensors', { order: 'shuffled', zeros: true }),
  },
  'compressed-tensors int4 in natural order, said so': {
    unit: 32,
    make: int4('compressed-tensors', { order: 'natural', scale: 'F32' }),
  },
  'GPTQ, first format': { unit: 32, make: int4('gptq', { zeros: true, zeroOffset: 1, scale: 'F16' }) },
  'GPTQ, second format, in activation order': { unit: 32, make: int4('gptq', { zeros: true, order: 'shuffled' }) },
  AWQ: { unit: 32, make: int4('awq', { zeros: true, scale: 'F16' }) },
  'AWQ, symmetric, f32 scales': { unit: 64, make: int4('awq', { groupSize: 64, scale: 'F32' }) },
  'MLX 4 bit': { unit: 32, make: affine(4, 'BF16') },
  'MLX 8 bit': { unit: 32, make: affine(8, 'F16') },
  'FP8 per channel': { unit: 8, make: fp8('channel', 'BF16') },
  'FP8 per block': { unit: 8, make: fp8('block', 'F32') },
  'FP8 per block, bf16 scales': { unit: 8, make: fp8('block', 'BF16') },
  'FP8 per tensor': { unit: 8, make: fp8('tensor', 'F32') },
  'compressed-tensors NVFP4': { unit: 16, make: nvfp4(true) },
  'ModelOpt NVFP4': { unit: 16, make: nvfp4(false) },
  NF4: { unit: 8, make: single(stackOfNf4(false)) },
  'NF4, quantized twice': { unit: 8, make: single(stackOfNf4(true)) },
};

export const STACKS: Readonly<Record<string, Kind<MakeStack>>> = {
  'fused bf16': { unit: 8, make: stackOfFloats('BF16') },
  'fused f32': { unit: 8, make: stackOfFloats('F32') },
  'fused NVFP4': { unit: 64, make: stackOfNvfp4(true) },
  'fused NVFP4, a factor each': { unit: 64, make: stackOfNvfp4(false) },
  'stacked NF4': { unit: 8, make: stackOfNf4(false) },
  'stacked NF4, quantized twice': { unit: 8, make: stackOfNf4(true) },
};

/** AWQ's scaled activation: the up projection's rows are divided. */
export function divided(builder: CheckpointBuilder, matrix: Matrix): Matrix {
  if (matrix.kind !== 'int4') return matrix;
  return { ...matrix, divisor: builder.add('F16', [matrix.rows], scalesOf(builder, 'F16', matrix.rows)) };
}
