/** One run of a projection: shared by the tests of the projection kernels and their variants. */
import { matmul } from '../../src/kernels/matmul.ts';
import { blobLayout, type GpuMatrix } from '../../src/kernels/matrix.ts';
import { matvec } from '../../src/kernels/matvec.ts';
import { numTiles } from '../../src/kernels/tiles.ts';
import type { KernelOptions } from '../../src/kernels/variants.ts';
import { expertTiles } from '../../src/reference/expert-tiles.ts';
import { type ProjectionCase, type ProjectionData, projectionData } from '../../src/reference/projection.ts';
import { expectClose, type Lab, projectionOptions } from './harness.ts';

/** Holds a case to its oracle in every way that this adapter can run it. */
export async function checkProjection(lab: Lab, kernel: 'matvec' | 'matmul', testCase: ProjectionCase): Promise<void> {
  const data = projectionData(testCase);
  for (const { options, bound } of projectionOptions(lab.gpu, kernel, testCase)) {
    await checkVariant(lab, kernel, testCase, data, options, bound);
  }
}

async function checkVariant(
  lab: Lab,
  kernel: 'matvec' | 'matmul',
  testCase: ProjectionCase,
  data: ProjectionData,
  options: KernelOptions,
  bound: number,
): Promise<void> {
  const { weights: storage, cols, outputs, tokens = 1, experts, swiglu = false, add = false, yAt = 0 } = testCase;
  const at = { position: 0, rows: tokens };
  const shard = {
    buffer: lab.buffer(data.blob),
    firstExpert: experts?.first ?? 0,
    numExperts: experts?.count ?? 1,
    firstOutput: 0,
    outputs,
    layout: { ...blobLayout(storage, swiglu ? 2 * outputs : outputs, cols, swiglu), length: data.expertStride },
  };
  const matrix: GpuMatrix = {
    storage,
    outputs,
    cols,
    paired: swiglu,
    numExperts: experts?.total,
    shared: false,
    shards: [shard],
  };
  const tables = experts && expertTiles(data.experts, experts.total, numTiles(tokens, experts.total));
  const y = lab.buffer(data.y);
  const request = {
    label: testCase.name,
    state: lab.state(at),
    routing: lab.routing(data.experts, data.scores, tables),
    matrix,
    x: lab.buffer(data.x),
    y,
    yCols: data.yCols,
    yAt,
    epilogue: swiglu ? 'swiglu' : add ? 'add' : 'store',
  } as const;
  await lab.run(at, (recorder) => (kernel === 'matvec' ? matvec : matmul)(recorder, options, request));
  expectClose(await lab.floats(y, data.expected.length), data.expected, bound, 1);
}
