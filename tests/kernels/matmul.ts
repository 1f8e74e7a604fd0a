/** One run of a matmul in every way that this adapter can run it: shared by the tests of its kernels. */

import { blobLayout } from '../../src/kernels/blob-layout.ts';
import { matmul } from '../../src/kernels/matmul.ts';
import { matmulVariants } from '../../src/kernels/matmul-variants.ts';
import type { GpuMatrix } from '../../src/kernels/matrix.ts';
import { numTiles } from '../../src/kernels/tiles.ts';
import { type KernelOptions, kernelOptions } from '../../src/kernels/variants.ts';
import { expertTiles } from '../../src/reference/expert-tiles.ts';
import { type ProjectionCase, type ProjectionData, projectionData } from '../../src/reference/projection.ts';
import { expectClose, F16_BOUND, F32_BOUND, type Lab } from './harness.ts';

/** Holds a case to its oracle in every variant that any adapter of these features is offered, or in those of one name. */
export async function checkMatmul(lab: Lab, testCase: ProjectionCase, only?: string): Promise<void> {
  const data = projectionData(testCase);
  const { facts } = lab.gpu;
  const offered = [false, true].flatMap((software) => {
    const adapter = { ...facts, software };
    return matmulVariants(adapter).map((variant, at) => ({ ...variant, adapter, best: at === 0 }));
  });
  // Some differ only where a matrix is not routed.
  const routed = testCase.experts && testCase.part !== 'shared';
  const kind = ({ name, outline, lanes }: (typeof offered)[number]) => (routed ? `${outline} ${lanes}` : name);
  for (const { name, adapter, best } of new Map(offered.reverse().map((one) => [kind(one), one])).values()) {
    if (only !== undefined && name !== only) continue;
    const choose = (elem: 'f32' | 'f16') => kernelOptions(adapter, elem, { matmul: name });
    await checkOne(lab, testCase, data, choose('f32'), F32_BOUND);
    // A software driver compiles an f16 variant for ten seconds, so a few must do.
    if (best && testCase.f16 && facts.f16) await checkOne(lab, testCase, data, choose('f16'), F16_BOUND);
  }
}

async function checkOne(
  lab: Lab,
  testCase: ProjectionCase,
  data: ProjectionData,
  options: KernelOptions,
  bound: number,
): Promise<void> {
  const { tokens = 1, experts, swiglu = false, add = false, yAt = 0, part } = testCase;
  const at = { position: 0, rows: tokens };
  const tables = experts && expertTiles(data.experts, experts.total, numTiles(tokens, experts.total));
  const y = lab.buffer(data.y);
  const request = {
    label: testCase.name,
    state: lab.state(at),
    routing: lab.routing(data.experts, data.scores, tables),
    matrix: matrixOf(lab, testCase, data),
    x: lab.buffer(data.x),
    y,
    yCols: data.yCols,
    yAt,
    epilogue: swiglu ? 'swiglu' : add ? 'add' : 'store',
    part,
  } as const;
  await lab.run(at, (recorder) => matmul(recorder, options, request));
  expectClose(await lab.floats(y, data.expected.length), data.expected, bound, 1);
}

/** The case's stack, cut into buffers. */
function matrixOf(lab: Lab, testCase: ProjectionCase, { blob, expertStride }: ProjectionData): GpuMatrix {
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
