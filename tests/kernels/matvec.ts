/** One run of a matvec in every way that this adapter can run it: shared by the tests of its kernels. */

import { matvec } from '../../src/kernels/matvec.ts';
import { matvecVariants } from '../../src/kernels/matvec-variants.ts';
import { type Activations, type KernelOptions, kernelOptions } from '../../src/kernels/variants.ts';
import { NORM_EPS, type ProjectionCase, type ProjectionData, projectionData } from '../../src/reference/projection.ts';
import { expectClose, F16_BOUND, F32_BOUND, type Lab } from './harness.ts';
import { matrixOf } from './projection-matrix.ts';

/**
 * x rounded to int8: with a scale for every 32 normal values, of which the largest is about 2.2 deviations, a step is
 * 0.017 deviations and the error a twelfth of its square, 2.5e-5; single outputs of SwiGLU pass on twice that.
 */
const INT8_BOUND = 1e-4;

/**
 * Holds a case to its oracle in every variant that an adapter of these features is offered. A software driver compiles a
 * variant for a second, and an f16 one for ten: so what knows nothing of weights, joining lanes without subgroups, and
 * f16 are left to a few cases, marked `f16`.
 */
export async function checkMatvec(lab: Lab, testCase: ProjectionCase): Promise<void> {
  const data = projectionData(testCase);
  const { facts } = lab.gpu;
  const int8 = testCase.f16 && testCase.weights.kind === 'int4';
  for (const software of [true, false]) {
    const adapter = { ...facts, software };
    const check = async (activations: Activations, bound: number) => {
      const own = matvecVariants(adapter, activations).filter(({ outline }) => (outline === 'rows') === software);
      for (const { name } of testCase.f16 && activations !== 'f16' ? own : own.slice(0, 1))
        await checkOne(lab, testCase, data, kernelOptions(adapter, activations, { matvec: name }), bound);
    };
    await check('f32', F32_BOUND);
    if (testCase.f16 && facts.f16) await check('f16', F16_BOUND);
    if (int8) await check('int8', INT8_BOUND);
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
