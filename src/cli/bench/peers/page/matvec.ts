/** One int4 matrix of this engine on the GPU, as the model's plan dispatches it. */
import type { Lab } from '../../../../bench/lab.ts';
import type { Kernel } from '../../../../gpu/kernel.ts';
import { type DispatchRequest, type PlannedDispatch, Recorder } from '../../../../gpu/plan.ts';
import { blobLayout, type GpuMatrix, type Storage } from '../../../../kernels/matrix.ts';
import { matvec } from '../../../../kernels/matvec.ts';
import type { KernelOptions } from '../../../../kernels/variants.ts';
import type { MatmulNBits } from './onnx.ts';

const AT = { position: 0, rows: 1 };

/** Copies of the weights that are read in turn: together they are larger than a CPU's caches. */
const COPIES = 3;

export interface OutriderMatvec {
  /** The same product, each over a copy of the weights. */
  readonly runs: readonly (readonly PlannedDispatch[])[];
  readonly y: GPUBuffer; // [rows] f32
}

/**
 * The same words and scales as the peer's; buffers belong to the lab's scope.
 * @param kernel runs in place of the variant's own, with its bindings, params and overrides
 */
export async function recordMatvec(
  lab: Lab,
  options: KernelOptions,
  matmul: MatmulNBits,
  kernel?: Kernel,
): Promise<OutriderMatvec> {
  const { rows, cols, block, words, scales, x } = matmul;
  const storage: Storage = { kind: 'int4', groupSize: block, scale: 'F32', asymmetric: false, ordered: false };
  const layout = blobLayout(storage, rows, cols);
  const blob = new Uint32Array(layout.length);
  blob.set(words);
  blob.set(new Uint32Array(scales.buffer, scales.byteOffset, scales.length), layout.scalesAt);
  const y = lab.room(rows * 4);
  const request = {
    label: 'matvec',
    state: lab.state(AT),
    routing: lab.routing(new Uint32Array(1), new Float32Array(1)),
    x: lab.buffer(x),
    y,
  };
  const matrixOf = (buffer: GPUBuffer): GpuMatrix => ({
    storage,
    outputs: rows,
    cols,
    paired: false,
    numExperts: undefined,
    shared: false,
    shards: [{ buffer, firstExpert: 0, numExperts: 1, firstOutput: 0, outputs: rows, layout }],
  });
  const runs = Array.from({ length: COPIES }, () => {
    const matrix = matrixOf(lab.buffer(blob));
    const requests = new Requests();
    matvec(requests, options, { ...request, matrix });
    return lab.record(AT, (recorder) => {
      for (const { variant, ...rest } of requests.all) {
        recorder.dispatch({ ...rest, variant: { ...variant, kernel: kernel ?? variant.kernel } });
      }
    });
  });
  return { runs: await Promise.all(runs), y };
}

/** Takes down what would be recorded. */
class Requests extends Recorder {
  readonly all: DispatchRequest[] = [];

  override dispatch(request: DispatchRequest): void {
    this.all.push(request);
  }
}
