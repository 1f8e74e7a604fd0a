/** One run of a matvec in every way that this adapter can run it: shared by the tests of its kernels. */
import { blobLayout, type GpuMatrix } from '../../src/kernels/matrix.ts';
import { matvec } from '../../src/kernels/matvec.ts';
import { matvecVariants } from '../../src/kernels/matvec-variants.ts';
import { type KernelOptions, kernelOptions } from '../../src/kernels/variants.ts';
import { NORM_EPS, type ProjectionCase, type ProjectionData, projectionData } from '../../src/reference/projection.ts';
import { expectClose, F16_BOUND, F32_BOUND, type Lab } from './harness.ts';

/** Holds a case to its oracle in every variant that any adapter of these features is offered. */
export async function checkMatvec(lab: Lab, testCase: ProjectionCase): Promise<void> {
  const data = projectionData(testCase);
  const { facts } = lab.gpu;
  const offered = [false, true].flatMap((software) => {
    return matvecVariants({ ...facts, software }).map(({ name }) => ({ name, adapter: { ...facts, software } }));
  });
  for (const { name, adapter } of new Map(offered.map((one) => [one.name, one])).values()) {
    const choose = (elem: 'f32' | 'f16') => kernelOptions(adapter, elem, { matvec: name });
    await checkOne(lab, testCase, data, choose('f32'), F32_BOUND);
    // A software driver compiles an f16 variant for ten seconds, so a few cases must do.
    if (testCase.f16 && facts.f16) await checkOne(lab, testCase, data, choose('f16'), F16_BOUND);
  }
}

async function checkOne(
  lab: Lab,
  testCase: ProjectionCase,
  data: ProjectionData,
  options: KernelOptions,
  bound: number,
): Promise<void> {
  const { swiglu = false, add = false, yAt = 0, norm, part } = testCase;
  const y = lab.buffer(data.y);
  const request = {
    label: testCase.name,
    state: lab.state({ position: 0, rows: 1 }),
    routing: lab.routing(data.experts, data.scores),
    matrix: matrixOf(lab, testCase, data),
    x: lab.buffer(data.x),
    y,
    yAt,
    epilogue: swiglu ? 'swiglu' : add ? 'add' : 'store',
    norm: norm ? { weight: lab.buffer(data.norm), eps: NORM_EPS } : undefined,
    part,
  } as const;
  await lab.run({ position: 0, rows: 1 }, (recorder) => matvec(recorder, options, request));
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
