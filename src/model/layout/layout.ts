/**
 * The weights as the GPU will hold them: which buffers there are, how matrices lie in them, and which bytes of which tensors
 * go where. Pure arithmetic over the headers: `plan` sums it up before anything is fetched, the engine allocates what it
 * says before the first weight byte, and the loader carries out its jobs.
 */
import type { ExpertTensors, FeedForwardTensors, Matrix, ModelTensors } from '../../checkpoint/model-tensors.ts';
import type { Tensor } from '../../checkpoint/tensor.ts';
import { OutriderError } from '../../errors.ts';
import { blobLayout } from '../../kernels/blob-layout.ts';
import type { GpuMatrix, Shard, Storage } from '../../kernels/matrix.ts';
import type { LayerWeights, Mlp, Weights } from '../weights.ts';
import type { Job } from './jobs.ts';
import type { Blob, PlainJobs } from './plain-jobs.ts';
import { type Requantization, storageOf, type WeightClass } from './storage.ts';

export interface BufferPlan {
  readonly label: string;
  /** Bytes, a multiple of 16. */
  readonly size: number;
  /** What its bytes count as; they add up to `size`. */
  readonly classes: Readonly<Partial<Record<WeightClass, number>>>;
}

export interface WeightLayout {
  readonly buffers: readonly BufferPlan[];
  /** Over numbers of `buffers`. */
  readonly weights: Weights<number>;
  readonly jobs: readonly Job[];
}

export interface LayoutOptions extends Requantization {
  /** Bytes of one buffer: the lesser of the adapter's buffer and binding limits. */
  readonly maxBytes: number;
}

/**
 * Throws `model_too_large` where a matrix cannot be cut to fit, `quantization_unsupported` where its parts do not match.
 * @param jobs collects the jobs; those of most models need no more than PlainJobs
 */
export function layOut(tensors: ModelTensors, options: LayoutOptions, jobs: PlainJobs): WeightLayout {
  const builder = new Builder(options, jobs);
  const weights = builder.model(tensors);
  return { buffers: builder.buffers, weights, jobs: builder.jobs.list() };
}

/** Rows of one blob: whole matrices over each other; `paired`: gate rows, then up rows. */
interface Stack {
  readonly label: string;
  readonly class: WeightClass;
  /** [slots or 1][matrices over each other] */
  readonly blobs: readonly (readonly Matrix[])[];
  readonly paired: boolean;
  readonly numExperts: number | undefined;
  /** The last blob is the shared expert's. */
  readonly shared: boolean;
}

class Builder {
  readonly buffers: BufferPlan[] = [];
  readonly jobs: PlainJobs;
  readonly #options: LayoutOptions;

  constructor(options: LayoutOptions, jobs: PlainJobs) {
    this.#options = options;
    this.jobs = jobs;
  }

  model(tensors: ModelTensors): Weights<number> {
    const embedTokens = this.#matrix('embed_tokens', 'embedding', [tensors.embedTokens]);
    const tied = tensors.lmHead === tensors.embedTokens;
    return {
      embedTokens,
      lmHead: tied ? embedTokens : this.#matrix('lm_head', 'head', [tensors.lmHead]),
      layers: tensors.layers.map((layer, index) => this.#layer(`layers.${index}`, layer)),
      norm: this.#vector(tensors.norm),
    };
  }

  #layer(name: string, layer: ModelTensors['layers'][number]): LayerWeights<number> {
    const { feedForward } = layer;
    return {
      inputLayernorm: this.#vector(layer.inputLayernorm),
      qkvProj: this.#joined(`${name}.qkv_proj`, [layer.qProj, layer.kProj, layer.vProj]),
      oProj: this.#matrix(`${name}.o_proj`, 'attention', [layer.oProj]),
      postAttentionLayernorm: this.#vector(layer.postAttentionLayernorm),
      feedForward:
        feedForward.kind === 'dense'
          ? { kind: 'dense', mlp: this.#mlp(`${name}.mlp`, 'dense layers', feedForward) }
          : {
              kind: 'moe',
              router: this.#matrix(`${name}.router`, 'router', [feedForward.router]),
              ...this.#experts(name, feedForward.experts, feedForward.sharedExpert),
            },
    };
  }

  #vector(tensor: Tensor): number {
    const buffer = this.#buffer(tensor.name, { norms: Math.ceil((tensor.shape[0]! * 4) / 16) * 16 });
    this.jobs.vector(tensor, buffer);
    return buffer;
  }

  /** Matrices over the same input, as one where their storage and row counts allow. */
  #joined(label: string, matrices: readonly Matrix[]): GpuMatrix<number>[] {
    const storages = matrices.map((matrix) => JSON.stringify(this.#storage('attention', [matrix])));
    const alike = storages.every((s) => s === storages[0]) && matrices.every(({ rows }) => rows % 8 === 0);
    const ordered = matrices.some((matrix) => matrix.kind === 'int4' && matrix.groupIndex);
    if (alike && !ordered) return [this.#matrix(label, 'attention', matrices)];
    return matrices.map((matrix) => this.#matrix(label, 'attention', [matrix]));
  }

  #mlp(label: string, weightClass: WeightClass, { gateProj, upProj, downProj }: FeedForwardTensors): Mlp<number> {
    const pair = {
      class: weightClass,
      blobs: [[gateProj, upProj]],
      paired: true,
      numExperts: undefined,
      shared: false,
    };
    return {
      gateUpProj: this.#pack({ label: `${label}.gate_up_proj`, ...pair }),
      downProj: this.#matrix(`${label}.down_proj`, weightClass, [downProj]),
    };
  }

  #matrix(label: string, weightClass: WeightClass, matrices: readonly Matrix[]): GpuMatrix<number> {
    const one = { paired: false, numExperts: undefined, shared: false };
    return this.#pack({ label, class: weightClass, blobs: [matrices], ...one });
  }

  /** The shared expert lies behind the others where all are stored alike: then one dispatch computes it and a routed one. */
  #experts(
    name: string,
    experts: readonly ExpertTensors[],
    sharedExpert: FeedForwardTensors,
  ): { readonly experts: Mlp<number>; readonly sharedExpert: Mlp<number> | undefined } {
    const gateUp = experts.map((expert) => expert.gateUp);
    const down = experts.map((expert) => [expert.down]);
    const { gateProj, upProj, downProj } = sharedExpert;
    const label = `${name}.experts`;
    const shared = this.#alike(label, gateUp, [gateProj, upProj]) && this.#alike(label, down, [downProj]);
    const stack = { class: 'routed experts', numExperts: experts.length, shared } as const;
    const joined = (blobs: readonly (readonly Matrix[])[], own: readonly Matrix[]) =>
      shared ? [...blobs, own] : blobs;
    return {
      experts: {
        gateUpProj: this.#pack({
          ...stack,
          label: `${label}.gate_up_proj`,
          blobs: joined(gateUp, [gateProj, upProj]),
          paired: true,
        }),
        downProj: this.#pack({ ...stack, label: `${label}.down_proj`, blobs: joined(down, [downProj]), paired: false }),
      },
      sharedExpert: shared ? undefined : this.#mlp(`${name}.shared_expert`, 'shared experts', sharedExpert),
    };
  }

  /** Whether the shared expert's matrices can stand among those of the routed ones. */
  #alike(name: string, routed: readonly (readonly Matrix[])[], own: readonly Matrix[]): boolean {
    const shapeOf = (weightClass: WeightClass, matrices: readonly Matrix[]) =>
      JSON.stringify([
        this.#storage(weightClass, matrices, name),
        matrices.every(({ kind }) => kind === 'float'), // what loading quantizes does not stand beside what came so
        matrices.reduce((rows, matrix) => rows + matrix.rows, 0),
        matrices[0]!.cols,
      ]);
    const wanted = shapeOf('shared experts', own);
    return routed.every((matrices) => shapeOf('routed experts', matrices) === wanted);
  }

  #pack(stack: Stack): GpuMatrix<number> {
    const { label, blobs, paired, numExperts, shared } = stack;
    const storage = this.#storage(stack.class, blobs.flat(), label);
    const { cols } = blobs[0]![0]!;
    if (cols % 8 !== 0) throw oddColumns(label, cols);
    const rows = blobs[0]!.reduce((sum, matrix) => sum + matrix.rows, 0);
    const outputs = paired ? rows / 2 : rows;
    const shards = this.#cut(stack, storage, outputs, cols);
    for (const { buffer, layout, firstExpert, numExperts: count, firstOutput, outputs: taken } of shards) {
      for (let expert = 0; expert < count; expert++) {
        const blob: Blob = { buffer, offset: expert * layout.length * 4, layout, storage, cols };
        const matrices = blobs[firstExpert + expert]!;
        // A pair gives the blob two runs of rows, and everything else one.
        for (let half = 0; half < (paired ? 2 : 1); half++) {
          this.jobs.rows(blob, matrices, half * outputs + firstOutput, taken, half * taken);
        }
        if (storage.kind === 'int4' && storage.ordered) this.jobs.order(blob, matrices);
      }
    }
    return { storage, outputs, cols, paired, numExperts, shared, shards };
  }

  /** As few buffers as the limit allows: whole experts first, then (one expert a buffer) runs of outputs. */
  #cut(stack: Stack, storage: Storage, outputs: number, cols: number): Shard<number>[] {
    const { label, paired } = stack;
    const slots = stack.blobs.length;
    const { maxBytes } = this.#options;
    const layoutOf = (count: number) => blobLayout(storage, count * (paired ? 2 : 1), cols, paired);
    const shards: Shard<number>[] = [];
    const add = (firstExpert: number, experts: number, firstOutput: number, count: number) => {
      const layout = layoutOf(count);
      const own = stack.shared && firstExpert + experts === slots ? layout.length * 4 : 0;
      const bytes = { [stack.class]: experts * layout.length * 4 - own, ...(own > 0 && { 'shared experts': own }) };
      const buffer = this.#buffer(label, bytes);
      shards.push({ buffer, firstExpert, numExperts: experts, firstOutput, outputs: count, layout });
    };
    const expertsPer = Math.floor(maxBytes / (layoutOf(outputs).length * 4));
    if (expertsPer > 0) {
      for (let first = 0; first < slots; first += expertsPer)
        add(first, Math.min(expertsPer, slots - first), 0, outputs);
      return shards;
    }
    // Runs of 8 outputs: zero points come in eights of rows.
    const perEight = (layoutOf(8 * 64).length * 4) / 64;
    let run = Math.floor(maxBytes / perEight) * 8;
    while (run > 0 && layoutOf(run).length * 4 > maxBytes) run -= 8;
    if (run <= 0) throw tooLarge(label, layoutOf(8).length * 4, maxBytes);
    for (let expert = 0; expert < slots; expert++) {
      for (let first = 0; first < outputs; first += run) add(expert, 1, first, Math.min(run, outputs - first));
    }
    return shards;
  }

  #storage(weightClass: WeightClass, matrices: readonly Matrix[], label = weightClass as string): Storage {
    return storageOf(label, weightClass, matrices, this.#options);
  }

  #buffer(label: string, classes: BufferPlan['classes']): number {
    const { maxBytes } = this.#options;
    const bytes = Object.values(classes).reduce((sum, one) => sum + one, 0);
    if (bytes > maxBytes) throw tooLarge(label, bytes, maxBytes);
    return this.buffers.push({ label, classes, size: bytes }) - 1;
  }
}

function tooLarge(label: string, bytes: number, maxBytes: number): OutriderError {
  const message = `${label} needs a buffer of ${bytes} bytes; this adapter allows ${maxBytes}. Use a quantized checkpoint, or a GPU with larger storage bindings.`;
  return new OutriderError('model_too_large', message, { details: { tensor: label, bytes, maxBytes } });
}

function oddColumns(label: string, cols: number): OutriderError {
  const message = `${label} has rows of ${cols} weights; kernels read eight at a time, so it must be a multiple of 8. No such model is known: report it.`;
  return new OutriderError('config_unsupported', message, { details: { tensor: label, cols } });
}
