/** A stored matrix as plain numbers, whatever its format: what its own library makes of it, in f32. */
import { dequantizeAffine } from '../quant/affine.ts';
import { dequantizeAwq } from '../quant/awq.ts';
import { assertFinite } from '../quant/finite.ts';
import { widenToF32 } from '../quant/float.ts';
import { dequantizeFp8 } from '../quant/fp8.ts';
import { dequantizeGptq } from '../quant/gptq.ts';
import { dequantizeInt4 } from '../quant/int4.ts';
import { checkNf4Code, checkQuantState, dequantizeNf4, nf4Absmax, parseQuantState } from '../quant/nf4.ts';
import { dequantizeNvfp4, NVFP4_GROUP } from '../quant/nvfp4.ts';
import { divideRows, groupOfColumns, transposeBytes } from '../quant/relayout.ts';
import type { AffineMatrix, FloatDtype, Int4Matrix, Matrix, Nf4Matrix, Nvfp4Matrix } from './model-tensors.ts';
import type { Tensor } from './tensor.ts';

type Bytes = Uint8Array<ArrayBuffer>;
type Weights = Float32Array<ArrayBuffer>;

/** All bytes of a tensor. */
export type ReadTensor = (tensor: Tensor) => Promise<Bytes>;

/**
 * f32 weights [rows, cols]. Holds the whole matrix several times over: for tests, references and single matrices.
 * Throws `checkpoint_invalid`, `tensor_mismatch` or `quantization_unsupported` for contents that the format does not allow,
 * and what `read` throws.
 */
export async function dequantizeMatrix(matrix: Matrix, read: ReadTensor): Promise<Weights> {
  switch (matrix.kind) {
    case 'float': {
      const weights = await readFloats(matrix.weight, read);
      return matrix.transposed ? transposed(weights, matrix.cols, matrix.rows) : weights;
    }
    case 'int4':
      return int4Weights(matrix, read);
    case 'affine':
      return affineWeights(matrix, read);
    case 'fp8':
      return dequantizeFp8(await read(matrix.weight), await readFloats(matrix.scales, read), matrix);
    case 'nvfp4':
      return nvfp4Weights(matrix, read);
    case 'nf4':
      return nf4Weights(matrix, read);
  }
}

async function int4Weights(matrix: Int4Matrix, read: ReadTensor): Promise<Weights> {
  const { cols, groupSize, packing, zeroOffset, groupIndex, divisor } = matrix;
  const packed = words(await read(matrix.packed));
  const scales = await readFloats(matrix.scales, read);
  const zeros = matrix.zeroPoints && words(await read(matrix.zeroPoints));
  const order = groupIndex && groupOfColumns(await read(groupIndex), { cols, groupSize, tensor: groupIndex.name });
  let weights: Weights;
  if (packing === 'compressed-tensors') {
    weights = dequantizeInt4({ packed, scales, zeroPoints: zeros, groupIndex: order }, matrix);
  } else if (packing === 'gptq') {
    weights = dequantizeGptq({ qweight: packed, qzeros: zeros!, scales, zeroOffset, groupIndex: order }, matrix);
  } else {
    weights = dequantizeAwq({ qweight: packed, qzeros: zeros, scales }, matrix);
  }
  return divisor ? divideRows(weights, await readFloats(divisor, read)) : weights;
}

async function affineWeights(matrix: AffineMatrix, read: ReadTensor): Promise<Weights> {
  const packed = words(await read(matrix.packed));
  const scales = await readFloats(matrix.scales, read);
  return dequantizeAffine({ packed, scales, biases: await readFloats(matrix.biases, read) }, matrix);
}

async function nvfp4Weights(matrix: Nvfp4Matrix, read: ReadTensor): Promise<Weights> {
  const { rows, cols, divides } = matrix;
  const [globalScale] = await readFloats(matrix.globalScale, read);
  let packed = await read(matrix.packed);
  let scales = await read(matrix.scales);
  if (matrix.transposed) {
    packed = transposeBytes(packed, cols / 2, rows, 1);
    scales = transposeBytes(scales, cols / NVFP4_GROUP, rows, 1);
  }
  return dequantizeNvfp4({ packed, scales, globalScale: globalScale!, divides }, matrix);
}

async function nf4Weights(matrix: Nf4Matrix, read: ReadTensor): Promise<Weights> {
  const { rows, cols, nested, quantState } = matrix;
  const state = parseQuantState(await read(quantState));
  checkQuantState(state, { rows, cols, nested: nested !== undefined, tensor: quantState.name });
  checkNf4Code(await readFloats(matrix.quantMap, read));
  const packed = await read(matrix.packed);
  if (nested === undefined) return dequantizeNf4(packed, await readFloats(matrix.absmax, read));
  const absmax = nf4Absmax(await read(matrix.absmax), {
    absmax: await readFloats(nested.absmax, read),
    quantMap: await readFloats(nested.quantMap, read),
    offset: state.nestedOffset!,
    firstBlock: nested.first,
  });
  return dequantizeNf4(packed, absmax);
}

async function readFloats(tensor: Tensor, read: ReadTensor): Promise<Weights> {
  const bytes = await read(tensor);
  const dtype = tensor.dtype as FloatDtype;
  assertFinite(bytes, dtype, tensor.name);
  return widenToF32(bytes, dtype);
}

function transposed(weights: Weights, rows: number, cols: number): Weights {
  return new Float32Array(transposeBytes(new Uint8Array(weights.buffer), rows, cols, 4).buffer);
}

function words(bytes: Bytes): Uint32Array<ArrayBuffer> {
  return new Uint32Array(bytes.slice().buffer); // a source may give a view that begins at any byte
}
