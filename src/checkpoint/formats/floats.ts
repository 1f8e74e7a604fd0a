/** Matrices of floats without scales. */
import type { FloatDtype } from '../model-tensors.ts';
import type { Found } from './facts.ts';
import { FLOATS, type Stored } from './tensor-index.ts';

export const FLOAT_NAMES = { BF16: 'bf16', F16: 'f16', F32: 'f32' } as const;

export function readFloat(stored: Stored, rows: number, cols: number): Found {
  const weight = stored.tensor('weight', FLOATS, [rows, cols]);
  const dtype = weight.dtype as FloatDtype;
  return {
    matrix: { kind: 'float', rows, cols, dtype, weight, transposed: false },
    facts: { format: FLOAT_NAMES[dtype] },
  };
}
