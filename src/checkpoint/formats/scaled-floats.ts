/** Matrices of floats with scales: FP8, NVFP4. */
import { NVFP4_GROUP } from '../../quant/nvfp4.ts';
import type { Tensor } from '../tensor.ts';
import { type Facts, type Found, unsupported } from './facts.ts';
import { checked, checkedScalar, FLOATS, mismatch, type Stored } from './tensor-index.ts';

const BLOCK = 128;

export function readFp8(stored: Stored, rows: number, cols: number): Found {
  const weight = stored.tensor('weight', ['F8_E4M3'], [rows, cols]);
  // Transformers' block format calls it "inverse" and multiplies by it all the same.
  const scales = stored.require(stored.has('weight_scale_inv') ? 'weight_scale_inv' : 'weight_scale');
  const scalePer = coverage(scales, rows, cols);
  const block = { channel: { rows: 1, cols }, block: { rows: BLOCK, cols: BLOCK }, tensor: { rows, cols } }[scalePer];
  const matrix = { kind: 'fp8', rows, cols, weight, scales: checked(scales, FLOATS, scales.shape), block } as const;
  return { matrix, facts: { format: 'FP8', scalePer } };
}

/** What one scale covers, as their shape says. */
function coverage(scales: Tensor, rows: number, cols: number): NonNullable<Facts['scalePer']> {
  const [first = 1, second = 1, ...more] = scales.shape;
  if (more.length === 0) {
    if (first === rows && second === 1) return 'channel';
    if (scales.shape.length < 2 && first === 1) return 'tensor';
    if (scales.shape.length === 2 && first === Math.ceil(rows / BLOCK) && second === Math.ceil(cols / BLOCK)) {
      return 'block';
    }
    if (first === 1 && second === 1) return 'tensor';
    if (first === rows && cols % second === 0) {
      throw unsupported(`FP8 with ${second} scales a row`, { tensor: scales.name });
    }
  }
  throw mismatch(scales, [rows, 1]);
}

export const readNvfp4 = nvfp4Reader('weight_packed', 'weight_global_scale', true, 'compressed-tensors NVFP4');
export const readModelOptNvfp4 = nvfp4Reader('weight', 'weight_scale_2', false, 'ModelOpt NVFP4');

/** @param divides whether weights are divided by the tensor's one scale */
function nvfp4Reader(codes: string, scale: string, divides: boolean, format: Facts['format']) {
  return (stored: Stored, rows: number, cols: number): Found => {
    const packed = stored.tensor(codes, ['U8'], [rows, cols / 2]);
    const scales = stored.tensor('weight_scale', ['F8_E4M3'], [rows, cols / NVFP4_GROUP]);
    const globalScale = checkedScalar(stored.require(scale));
    const matrix = { kind: 'nvfp4', rows, cols, packed, scales, globalScale, divides, transposed: false } as const;
    return { matrix, facts: { format } };
  };
}
