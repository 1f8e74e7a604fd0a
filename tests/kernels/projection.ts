/** One run of a projection: shared by the tests of the four projection kernels and their variants. */
import { matmul, matvec, numTiles } from '../../src/kernels/linear.ts';
import type { FloatDtype, GpuMatrix, Storage } from '../../src/kernels/matrix.ts';
import type { KernelOptions } from '../../src/kernels/variants.ts';
import { expertTiles } from '../../src/reference/expert-tiles.ts';
import {
  type ProjectionCase,
  type ProjectionData,
  projectionData,
  type WeightFormat,
} from '../../src/reference/projection.ts';
import type { FloatType } from '../../src/reference/stored.ts';
import { expectClose, type Lab, projectionOptions } from './harness.ts';

const DTYPES: Readonly<Record<FloatType, FloatDtype>> = { bf16: 'BF16', f16: 'F16', f32: 'F32' };

/** A case's weight format in the words of src/kernels. */
export function storageOf(format: WeightFormat): Storage {
  if (format.kind === 'float') return { kind: 'float', element: DTYPES[format.type] };
  return { ...format, scale: DTYPES[format.scale] };
}

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
  const { cols, outputs, tokens = 1, experts, swiglu = false, add = false, yAt = 0 } = testCase;
  const at = { position: 0, rows: tokens };
  const shard = {
    buffer: lab.buffer(data.blob),
    firstExpert: experts?.first ?? 0,
    numExperts: experts?.count ?? 1,
    firstOutput: 0,
    outputs,
    layout: { ...data.layout, length: data.expertStride },
  };
  const matrix: GpuMatrix = {
    storage: storageOf(testCase.weights),
    outputs,
    cols,
    paired: swiglu,
    numExperts: experts?.total,
    shards: [shard],
  };
  const tables = experts && expertTiles(data.experts, experts.total, numTiles(tokens, experts.total));
  const y = lab.buffer(data.y);
  const request = {
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
