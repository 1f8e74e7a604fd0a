/** A projection case on the GPU: compared with its oracle once, then timed. */

import { blobLayout } from '../../kernels/blob-layout.ts';
import { matmul } from '../../kernels/matmul.ts';
import type { GpuMatrix } from '../../kernels/matrix.ts';
import { matvec } from '../../kernels/matvec.ts';
import { numTiles } from '../../kernels/tiles.ts';
import type { KernelOptions } from '../../kernels/variants.ts';
import { expertTiles } from '../../reference/expert-tiles.ts';
import type { ProjectionCase, ProjectionData } from '../../reference/projection.ts';
import type { Lab } from '../lab.ts';
import { repeatedProjection } from './projection-data.ts';
import type { Prepared } from './subject.ts';

/**
 * Weights that are read in turn, so that no cache keeps them from one run to the next: a model's matrices do not stay there
 * either. On a CPU its caches are smaller.
 */
const WORKING_SET_BYTES = { software: 64e6, hardware: 160e6 };

export async function prepareProjection(
  lab: Lab,
  family: 'matvec' | 'matmul',
  testCase: ProjectionCase,
  options: KernelOptions,
): Promise<Prepared> {
  const data = repeatedProjection(testCase);
  const { tokens = 1, swiglu = false, add = false, experts } = testCase;
  const at = { position: 0, rows: tokens };
  const tables = experts && expertTiles(data.experts, experts.total, numTiles(tokens, experts.total));
  const y = lab.buffer(data.y);
  const request = {
    label: testCase.name,
    state: lab.state(at),
    routing: lab.routing(data.experts, data.scores, tables),
    x: lab.buffer(data.x),
    y,
    epilogue: swiglu ? 'swiglu' : add ? 'add' : 'store',
  } as const;
  const first = lab.buffer(data.blob);
  const count = family === 'matmul' ? 1 : copiesOf(lab, first.size);
  const blobs = [first, ...Array.from({ length: count - 1 }, () => lab.copy(first))];
  const runs = blobs.map((blob) => {
    const matrix = matrixOf(testCase, data, blob);
    return lab.record(at, (recorder) =>
      (family === 'matvec' ? matvec : matmul)(recorder, options, { ...request, matrix }),
    );
  });
  return {
    runs: await Promise.all(runs),
    expected: data.expected,
    found: () => lab.floats(y, data.expected.length),
  };
}

function copiesOf({ gpu }: Lab, bytes: number): number {
  const wanted = gpu.facts.software ? WORKING_SET_BYTES.software : WORKING_SET_BYTES.hardware;
  return Math.ceil(wanted / bytes);
}

function matrixOf(testCase: ProjectionCase, { expertStride }: ProjectionData, buffer: GPUBuffer): GpuMatrix {
  const { weights: storage, outputs, cols, swiglu: paired = false, experts } = testCase;
  const shard = {
    buffer,
    firstExpert: experts?.first ?? 0,
    numExperts: experts?.count ?? 1,
    firstOutput: 0,
    outputs,
    layout: { ...blobLayout(storage, paired ? 2 * outputs : outputs, cols, paired), length: expertStride },
  };
  const shared = experts !== undefined && experts.first + experts.count > experts.total;
  return { storage, outputs, cols, paired, numExperts: experts?.total, shared, shards: [shard] };
}
