/** The words of src/kernels for an attention case. */
import type { AttentionShape, KvDtype } from '../../src/kernels/attention.ts';
import type { AttentionDims } from '../../src/reference/attention.ts';

export function shapeOf(
  { numAttentionHeads, numKeyValueHeads, headDim }: AttentionDims,
  chunked: boolean,
  kvDtype: KvDtype,
): AttentionShape {
  return { numHeads: numAttentionHeads, numKvHeads: numKeyValueHeads, headDim, chunked, kvDtype };
}
