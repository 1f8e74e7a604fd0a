/**
 * The weights as the GPU holds them: which rows of which tensors go into which buffer. Planning is pure arithmetic over
 * the headers; allocation happens before the first weight byte is fetched; `upload.ts` streams.
 */
import type { FeedForwardTensors, Matrix, ModelTensors } from '../checkpoint/model-tensors.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { OutriderError } from '../errors.ts';
import {
  type BlobLayout,
  blobLayout,
  bytesOf,
  type FloatDtype,
  type GpuMatrix,
  type Shard,
  type Storage,
} from '../kernels/matrix.ts';

export interface GpuWeights {
  readonly embedTokens: GpuMatrix; // [vocab, hidden]
  readonly layers: readonly GpuLayer[];
  readonly norm: GPUBuffer; // [hidden] f32
  readonly lmHead: GpuMatrix; // [vocab, hidden]
}

export interface GpuLayer {
  readonly inputLayernorm: GPUBuffer; // [hidden] f32
  /** q, k and v rows in one matrix, or in several where they are stored differently. */
  readonly qkvProj: readonly GpuMatrix[]; // [(heads + 2 kvHeads) * headDim, hidden]
  readonly oProj: GpuMatrix; // [hidden, heads * headDim]
  readonly postAttentionLayernorm: GPUBuffer; // [hidden] f32
  readonly feedForward:
    | { readonly kind: 'dense'; readonly mlp: GpuMlp }
    | { readonly kind: 'moe'; readonly router: GpuMatrix; readonly sharedExpert: GpuMlp; readonly experts: GpuMlp };
}

export interface GpuMlp {
  readonly gateUpProj: GpuMatrix; // paired [2 * intermediate, hidden]
  readonly downProj: GpuMatrix; // [hidden, intermediate]
}

/** One copy from a file into a buffer. */
export interface UploadJob {
  readonly tensor: Tensor;
  /** Byte range inside the tensor. */
  readonly start: number;
  readonly end: number;
  readonly buffer: GPUBuffer;
  readonly bufferOffset: number;
  /** How the bytes get there. `widen`: to f32. `scales`: as they are, after a check for NaN and infinity. */
  readonly how: { kind: 'copy' } | { kind: 'scales' } | { kind: 'widen' } | TransposeJob;
}

/** Rows of a fused expert [in, out] become columns of the blob [out, in]; `outRows` of them, from source column `firstOut`. */
export interface TransposeJob {
  readonly kind: 'transpose';
  readonly inCols: number;
  readonly sourceOut: number;
  readonly dtype: FloatDtype;
}

export class WeightPlan {
  readonly jobs: UploadJob[] = [];
  readonly #device: GPUDevice;
  readonly #maxBytes: number;
  #allocatedBytes = 0;

  /** @param maxBytes of one buffer: the lesser of the adapter's buffer and binding limits */
  constructor(device: GPUDevice, maxBytes: number) {
    this.#device = device;
    this.#maxBytes = maxBytes;
  }

  get allocatedBytes(): number {
    return this.#allocatedBytes;
  }

  model(tensors: ModelTensors): GpuWeights {
    const embedTokens = this.#matrix('embed_tokens', [tensors.embedTokens]);
    const lmHead = tensors.lmHead === tensors.embedTokens ? embedTokens : this.#matrix('lm_head', [tensors.lmHead]);
    const layers = tensors.layers.map((layer, index): GpuLayer => {
      const name = `layers.${index}`;
      const { feedForward } = layer;
      return {
        inputLayernorm: this.#vector(layer.inputLayernorm),
        qkvProj: this.#joined(`${name}.qkv_proj`, [layer.qProj, layer.kProj, layer.vProj]),
        oProj: this.#matrix(`${name}.o_proj`, [layer.oProj]),
        postAttentionLayernorm: this.#vector(layer.postAttentionLayernorm),
        feedForward:
          feedForward.kind === 'dense'
            ? { kind: 'dense', mlp: this.#mlp(`${name}.mlp`, feedForward) }
            : {
                kind: 'moe',
                router: this.#matrix(`${name}.router`, [feedForward.router]),
                sharedExpert: this.#mlp(`${name}.shared_expert`, feedForward.sharedExpert),
                experts: this.#experts(`${name}.experts`, feedForward.experts),
              },
      };
    });
    return { embedTokens, layers, norm: this.#vector(tensors.norm), lmHead };
  }

  #vector(tensor: Tensor): GPUBuffer {
    const size = tensor.shape[0]! * 4;
    const buffer = this.#allocate(tensor.name, size);
    this.jobs.push({
      tensor,
      start: 0,
      end: tensor.end - tensor.start,
      buffer,
      bufferOffset: 0,
      how: { kind: 'widen' },
    });
    return buffer;
  }

  /** Matrices over the same input, as one where their storage and row counts allow. */
  #joined(label: string, matrices: readonly Matrix[]): GpuMatrix[] {
    const alike = matrices.every((m) => sameStorage(storageOf(m), storageOf(matrices[0]!)) && m.rows % 8 === 0);
    return alike ? [this.#matrix(label, matrices)] : matrices.map((matrix) => this.#matrix(label, [matrix]));
  }

  #mlp(label: string, { gateProj, upProj, downProj }: FeedForwardTensors): GpuMlp {
    return {
      gateUpProj: this.#pack(`${label}.gate_up_proj`, [[gateProj, upProj]], true, undefined),
      downProj: this.#matrix(`${label}.down_proj`, [downProj]),
    };
  }

  /** One matrix from the rows of several. */
  #matrix(label: string, matrices: readonly Matrix[]): GpuMatrix {
    return this.#pack(label, [matrices], false, undefined);
  }

  #experts(
    label: string,
    experts: Extract<ModelTensors['layers'][number]['feedForward'], { kind: 'moe' }>['experts'],
  ): GpuMlp {
    if (experts.kind === 'fused') {
      const storage: Storage = { kind: 'float', element: experts.dtype };
      return {
        gateUpProj: this.#fused(`${label}.gate_up_proj`, storage, experts.gateUp, true),
        downProj: this.#fused(`${label}.down_proj`, storage, experts.down, false),
      };
    }
    return {
      gateUpProj: this.#pack(
        `${label}.gate_up_proj`,
        experts.experts.map(({ gateProj, upProj }) => [gateProj, upProj]),
        true,
        experts.experts.length,
      ),
      downProj: this.#pack(
        `${label}.down_proj`,
        experts.experts.map(({ downProj }) => [downProj]),
        false,
        experts.experts.length,
      ),
    };
  }

  /**
   * A matrix, or a stack of one per expert.
   * @param blobs each from the rows of several matrices
   * @param paired from gate and up, which stay side by side in every shard
   */
  #pack(
    label: string,
    blobs: readonly (readonly Matrix[])[],
    paired: boolean,
    numExperts: number | undefined,
  ): GpuMatrix {
    const storage = commonStorage(label, blobs.flat());
    const { cols } = blobs[0]![0]!;
    const rows = blobs[0]!.reduce((sum, matrix) => sum + matrix.rows, 0);
    const outputs = paired ? rows / 2 : rows;
    const shards = this.#cut(label, storage, outputs, cols, paired, numExperts);
    for (const shard of shards) {
      for (let expert = 0; expert < shard.numExperts; expert++) {
        const matrices = blobs[shard.firstExpert + expert]!;
        this.#fill(storage, shard, expert, paired ? matrices.map((matrix) => [matrix]) : [matrices]);
      }
    }
    return { storage, outputs, cols, paired, numExperts, shards };
  }

  /** A fused stack [experts, in, out], as published in bf16: transposed on the GPU while it streams. */
  #fused(label: string, storage: Storage & { kind: 'float' }, tensor: Tensor, paired: boolean): GpuMatrix {
    const [numExperts, cols, rows] = tensor.shape as [number, number, number];
    const outputs = paired ? rows / 2 : rows;
    const shards = this.#cut(label, storage, outputs, cols, paired, numExperts);
    const bytes = (tensor.end - tensor.start) / numExperts;
    for (const shard of shards) {
      if (shard.outputs < outputs) throw tooLarge(label, bytes, this.#maxBytes);
      for (let expert = 0; expert < shard.numExperts; expert++) {
        const start = (shard.firstExpert + expert) * bytes;
        const how = { kind: 'transpose', inCols: cols, sourceOut: rows, dtype: storage.element } as const;
        this.jobs.push({
          tensor,
          start,
          end: start + bytes,
          buffer: shard.buffer,
          bufferOffset: expert * shard.layout.length * 4,
          how,
        });
      }
    }
    return { storage, outputs, cols, paired, numExperts, shards };
  }

  /** As few buffers as the limit allows: whole experts first, then (one expert a buffer) runs of outputs. */
  #cut(
    label: string,
    storage: Storage,
    outputs: number,
    cols: number,
    paired: boolean,
    numExperts: number | undefined,
  ): Shard[] {
    const rowsPer = paired ? 2 : 1;
    const bytesOfOutputs = (count: number) => blobLayout(storage, count * rowsPer, cols).length * 4;
    const oneExpert = bytesOfOutputs(outputs);
    const shards: Shard[] = [];
    const add = (firstExpert: number, experts: number, firstOutput: number, count: number) => {
      const layout: BlobLayout = blobLayout(storage, count * rowsPer, cols);
      const buffer = this.#allocate(label, experts * layout.length * 4);
      shards.push({ buffer, firstExpert, numExperts: experts, firstOutput, outputs: count, layout });
    };
    const expertsPer = Math.floor(this.#maxBytes / oneExpert);
    if (expertsPer > 0) {
      const total = numExperts ?? 1;
      for (let first = 0; first < total; first += expertsPer)
        add(first, Math.min(expertsPer, total - first), 0, outputs);
      return shards;
    }
    const run = Math.floor(this.#maxBytes / bytesOfOutputs(8)) * 8; // zero points come in eights of rows
    if (run === 0) throw tooLarge(label, bytesOfOutputs(8), this.#maxBytes);
    for (let expert = 0; expert < (numExperts ?? 1); expert++) {
      for (let first = 0; first < outputs; first += run) add(expert, 1, first, Math.min(run, outputs - first));
    }
    return shards;
  }

  /** Jobs for one expert's blob in a shard. `groups`: each becomes a run of `shard.outputs` rows of the blob. */
  #fill(storage: Storage, shard: Shard, expert: number, groups: readonly (readonly Matrix[])[]): void {
    const blob = expert * shard.layout.length * 4;
    groups.forEach((matrices, index) => {
      let row = index * shard.outputs;
      let skip = shard.firstOutput;
      let left = shard.outputs;
      for (const matrix of matrices) {
        const from = Math.min(skip, matrix.rows);
        const take = Math.min(matrix.rows - from, left);
        skip -= from;
        left -= take;
        if (take > 0) this.#copyRows(storage, shard, blob, matrix, from, take, row);
        row += take;
      }
    });
  }

  #copyRows(
    storage: Storage,
    shard: Shard,
    blob: number,
    matrix: Matrix,
    first: number,
    count: number,
    row: number,
  ): void {
    const { buffer, layout } = shard;
    const add = (
      tensor: Tensor,
      bytesPerRow: number,
      from: number,
      rows: number,
      at: number,
      kind: 'copy' | 'scales',
    ) =>
      this.jobs.push({
        tensor,
        start: from * bytesPerRow,
        end: (from + rows) * bytesPerRow,
        buffer,
        bufferOffset: at,
        how: { kind },
      });
    if (matrix.kind === 'float') {
      const bytesPerRow = matrix.cols * bytesOf(matrix.dtype);
      add(matrix.weight, bytesPerRow, first, count, blob + row * bytesPerRow, 'copy');
      return;
    }
    if (storage.kind !== 'int4') throw new Error('int4 rows in a float blob');
    const groups = matrix.cols / matrix.groupSize;
    const scaleRow = groups * bytesOf(storage.scale);
    add(matrix.packed, matrix.cols / 2, first, count, blob + (row * matrix.cols) / 2, 'copy');
    add(matrix.scales, scaleRow, first, count, blob + layout.scalesAt * 4 + row * scaleRow, 'scales');
    if (matrix.zeroPoints) {
      add(
        matrix.zeroPoints,
        groups * 4,
        first / 8,
        Math.ceil(count / 8),
        blob + layout.zerosAt * 4 + (row / 8) * groups * 4,
        'copy',
      );
    }
  }

  #allocate(label: string, size: number): GPUBuffer {
    if (size > this.#maxBytes) throw tooLarge(label, size, this.#maxBytes);
    this.#allocatedBytes += size;
    return this.#device.createBuffer({
      label,
      size: Math.ceil(size / 16) * 16,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    });
  }
}

function storageOf(matrix: Matrix): Storage {
  if (matrix.kind === 'float') return { kind: 'float', element: matrix.dtype };
  const { groupSize, scales, zeroPoints } = matrix;
  return { kind: 'int4', groupSize, scale: scales.dtype as FloatDtype, asymmetric: zeroPoints !== undefined };
}

function sameStorage(a: Storage, b: Storage): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function commonStorage(label: string, matrices: readonly Matrix[]): Storage {
  const storage = storageOf(matrices[0]!);
  const other = matrices.find((matrix) => !sameStorage(storageOf(matrix), storage));
  if (other) {
    throw new OutriderError(
      'quantization_unsupported',
      `${label}: its parts are stored differently (${JSON.stringify(storage)} and ${JSON.stringify(storageOf(other))}); they must agree. Convert the checkpoint again with all quantized, or all ignored.`,
    );
  }
  return storage;
}

function tooLarge(label: string, bytes: number, maxBytes: number): OutriderError {
  return new OutriderError(
    'model_too_large',
    `${label} needs a buffer of ${bytes} bytes; this adapter allows ${maxBytes}. Use an int4 checkpoint, or a GPU with larger storage bindings.`,
    {
      details: { tensor: label, bytes, maxBytes },
    },
  );
}
