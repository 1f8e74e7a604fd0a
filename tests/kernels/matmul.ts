/** One run of a matmul in every way that this adapter can run it: shared by the tests of its kernels. */

import { matmul } from '../../src/kernels/matmul.ts';
import { matmulVariants } from '../../src/kernels/matmul-variants.ts';
import { numTiles } from '../../src/kernels/tiles.ts';
import { type KernelOptions, kernelOptions } from '../../src/kernels/variants.ts';
import { expertTiles } from '../../src/reference/expert-tiles.ts';
import { type ProjectionCase, type ProjectionData, projectionData } from '../../src/reference/projection.ts';
import { expectClose, F16_BOUND, F32_BOUND, type Lab } from './harness.ts';
import { matrixOf } from './projection-matrix.ts';

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
