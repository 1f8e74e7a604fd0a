/** One int4 matrix of this engine on the GPU, as the model's plan dispatches it. */
import type { Lab } from '../../../../bench/lab.ts';
import { type DispatchRequest, type PlannedDispatch, Recorder } from '../../../../gpu/plan.ts';
import { blobLayout } from '../../../../kernels/blob-layout.ts';
import { matmul } from '../../../../kernels/matmul.ts';
import type { GpuMatrix, Storage } from '../../../../kernels/matrix.ts';
import { matvec } from '../../../../kernels/matvec.ts';
import type { KernelOptions } from '../../../../kernels/variants.ts';
import { leaveOnly, type Part } from './ablate.ts';
import type { ProductData } from './data.ts';

/** Of a vector's product, which reads its weights once: copies that are read in turn, together larger than a CPU's caches. */
const WORKING_SET_BYTES = 64e6;

/** A product on the GPU, to be recorded in one way after the other. */
export interface OwnProduct {
  readonly y: GPUBuffer; // [tokens, rows] f32
  /**
   * The dispatches of the same product over each copy of the weights.
   * @param only all that is to be left of the kernels
   * @returns undefined where that is not known of one of them
   */
  record(options: KernelOptions, only?: Part): Promise<readonly (readonly PlannedDispatch[])[]> | undefined;
}

/** The same weights as the peer's; buffers belong to the lab's scope. */
export function placeProduct(lab: Lab, data: ProductData): OwnProduct {
  const { rows, cols, tokens, block, words, scaleBits, x } = data;
  const storage: Storage = { kind: 'int4', groupSize: block, scale: 'F16', asymmetric: false, ordered: false };
  const layout = blobLayout(storage, rows, cols);
  const blob = new Uint32Array(layout.length);
  blob.set(words);
  new Uint16Array(blob.buffer, layout.scalesAt * 4).set(scaleBits);
  const at = { position: 0, rows: tokens };
  const y = lab.room(tokens * rows * 4);
  const request = {
    label: 'product',
    state: lab.state(at),
    routing: lab.routing(new Uint32Array(1), new Float32Array(1)),
    x: lab.buffer(x),
    y,
  };
  const copies = tokens === 1 ? Math.ceil(WORKING_SET_BYTES / blob.byteLength) : 1;
  const matrices = Array.from({ length: copies }, (): GpuMatrix => {
    const whole = { firstExpert: 0, numExperts: 1, firstOutput: 0, outputs: rows, layout };
    const shards = [{ buffer: lab.buffer(blob), ...whole }];
    return { storage, outputs: rows, cols, paired: false, numExperts: undefined, shared: false, shards };
  });
  const record: OwnProduct['record'] = (options, only) => {
    const runs: DispatchRequest[][] = [];
    for (const matrix of matrices) {
      const requests = new Requests();
      (tokens === 1 ? matvec : matmul)(requests, options, { ...request, matrix });
      const altered = requests.all.flatMap((one) => withKernel(one, only) ?? []);
      if (altered.length < requests.all.length) return undefined;
      runs.push(altered);
    }
    const recordAll = (run: readonly DispatchRequest[]) => (recorder: Recorder) => {
      for (const one of run) recorder.dispatch(one);
    };
    return Promise.all(runs.map((run) => lab.record(at, recordAll(run))));
  };
  return { y, record };
}

function withKernel(request: DispatchRequest, only: Part | undefined): DispatchRequest | undefined {
  const { variant } = request;
  const kernel = only ? leaveOnly(only, variant.kernel) : variant.kernel;
  return kernel && { ...request, variant: { ...variant, kernel } };
}

/** Takes down what would be recorded. */
class Requests extends Recorder {
  readonly all: DispatchRequest[] = [];

  override dispatch(request: DispatchRequest): void {
    this.all.push(request);
  }
}
