/** One int4 matrix of this engine on the GPU, as the model's plan dispatches it. */
import type { Lab } from '../../../../bench/lab.ts';
import type { PlannedDispatch } from '../../../../gpu/plan.ts';
import { blobLayout, type GpuMatrix, type Storage } from '../../../../kernels/matrix.ts';
import { matvec } from '../../../../kernels/matvec.ts';
import type { KernelOptions } from '../../../../kernels/variants.ts';
import type { MatmulNBits } from './onnx.ts';

const AT = { position: 0, rows: 1 };

export interface OutriderMatvec {
  readonly dispatches: readonly PlannedDispatch[];
  readonly y: GPUBuffer; // [rows] f32
}

/** The same words and scales as the peer's; buffers belong to the lab's scope. */
export async function recordMatvec(lab: Lab, options: KernelOptions, matmul: MatmulNBits): Promise<OutriderMatvec> {
  const { rows, cols, block, words, scales, x } = matmul;
  const storage: Storage = { kind: 'int4', groupSize: block, scale: 'F32', asymmetric: false, ordered: false };
  const layout = blobLayout(storage, rows, cols);
  const blob = new Uint32Array(layout.length);
  blob.set(words);
  blob.set(new Uint32Array(scales.buffer, scales.byteOffset, scales.length), layout.scalesAt);
  const shard = { buffer: lab.buffer(blob), firstExpert: 0, numExperts: 1, firstOutput: 0, outputs: rows, layout };
  const matrix: GpuMatrix = {
    storage,
    outputs: rows,
    cols,
    paired: false,
    numExperts: undefined,
    shared: false,
    shards: [shard],
  };
  const y = lab.room(rows * 4);
  const request = {
    label: 'matvec',
    state: lab.state(AT),
    routing: lab.routing(new Uint32Array(1), new Float32Array(1)),
    matrix,
    x: lab.buffer(x),
    y,
  };
  return { dispatches: await lab.record(AT, (recorder) => matvec(recorder, options, request)), y };
}
