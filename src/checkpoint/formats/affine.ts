/** MLX affine: bits and group size follow from the shapes of words and scales. */
import { type Found, GROUP_SIZES, unsupported } from './facts.ts';
import { checked, FLOATS, type Stored } from './tensor-index.ts';

export function readAffine(stored: Stored, rows: number, cols: number): Found {
  const words = stored.require('weight');
  const scalesTensor = stored.require('scales');
  const details = { tensor: words.name };
  const bits = ((words.shape[1] ?? 0) * 32) / cols;
  if (bits !== 4 && bits !== 8) throw unsupported(`MLX affine of ${bits} bits`, details);
  if (scalesTensor.dtype === 'U8') throw unsupported('MLX with 8-bit scales (mxfp4, mxfp8 or nvfp4)', details);
  const groups = scalesTensor.shape[1] ?? 0;
  const groupSize = GROUP_SIZES.find((size) => size * groups === cols);
  if (groupSize === undefined) throw unsupported(`MLX affine with ${groups} groups for ${cols} weights`, details);
  const packed = checked(words, ['U32'], [rows, (cols * bits) / 32]);
  const scales = checked(scalesTensor, FLOATS, [rows, groups]);
  const biases = stored.tensor('biases', [scales.dtype], [rows, groups]);
  return {
    matrix: { kind: 'affine', rows, cols, bits, groupSize, packed, scales, biases },
    facts: { format: 'MLX affine', bits, groupSize },
  };
}
