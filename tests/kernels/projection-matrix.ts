/** The matrix of a projection case on a GPU: shared by the tests of matvecs and matmuls. */
import { blobLayout } from '../../src/kernels/blob-layout.ts';
import type { GpuMatrix } from '../../src/kernels/matrix.ts';
import type { ProjectionCase, ProjectionData } from '../../src/reference/projection.ts';
import type { Lab } from './harness.ts';

/** The case's stack, cut into buffers. */
export function matrixOf(lab: Lab, testCase: ProjectionCase, { blob, expertStride }: ProjectionData): GpuMatrix {
  const { weights: storage, cols, outputs, experts, swiglu: paired = false } = testCase;
  const { total, first, count } = experts ?? { total: undefined, first: 0, count: 1 };
  const layout = { ...blobLayout(storage, paired ? 2 * outputs : outputs, cols, paired), length: expertStride };
  let slot = 0;
  const shards = (testCase.shards ?? [count]).map((slots) => {
    const buffer = lab.buffer(blob.subarray(slot * expertStride, (slot + slots) * expertStride));
    const shard = { buffer, firstExpert: first + slot, numExperts: slots, firstOutput: 0, outputs, layout };
    slot += slots;
    return shard;
  });
  const shared = total !== undefined && first + count > total;
  return { storage, outputs, cols, paired, numExperts: total, shared, shards };
}
