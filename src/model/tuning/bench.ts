/**
 * What choosing and checking kernels needs of the engine's GPU. Who chooses may sit in another worker: all that goes in and
 * out is plain data, and what is compiled for a trial is compiled for the model.
 */
import type { AttentionShape } from '../../kernels/attention.ts';
import type { LinearRequest } from '../../kernels/linear.ts';
import type { BlobLayout, GpuMatrix } from '../../kernels/matrix.ts';
import type { ChosenVariants } from '../../kernels/variants.ts';

type Words = Uint32Array<ArrayBuffer>;

/** A matrix in one of its places in the forward pass. */
export interface Projection {
  readonly matrix: Omit<GpuMatrix, 'shards'>;
  readonly epilogue: 'store' | 'add' | 'swiglu';
  readonly part: LinearRequest['part'];
  /** x is normalized on the way in. */
  readonly norm: boolean;
}

/** Contents of buffers are the words as they lie there. */
export interface ProjectionWork {
  readonly kind: 'projection';
  readonly use: Projection;
  /** 1: a matvec; more: a matmul */
  readonly rows: number;
  readonly layout: BlobLayout;
  /** Matrices of the stack, or 1. */
  readonly slots: number;
  /** [slots, layout.length]; undefined: zeros, which take as long. */
  readonly blobs: Words | undefined;
  readonly x: Words; // f32 [rows, cols], twice the columns where both experts add
  readonly y: Words; // f32 [rows, outputs], twice the outputs where both experts are gated
  readonly weight: Words; // f32 [cols], the norm's
  readonly eps: number;
  readonly routes: Words; // [rows] expert u32, score f32
}

/** `rows` rows at the end of `keys` tokens, whose keys and values lie in one region. */
export interface AttentionWork {
  readonly kind: 'attention';
  readonly shape: AttentionShape;
  readonly keys: number;
  readonly rows: number;
  /** Of the region; a multiple of the piece. */
  readonly slots: number;
  readonly qkv: Words; // f32 [rows, numHeads + 2 numKvHeads, headDim]
  readonly kv: Words; // the shape's dtype [2, slots, numKvHeads, headDim]
}

export type TrialWork = ProjectionWork | AttentionWork;

/** Every call throws what the device reports. */
export interface TrialBench {
  /** Makes a trial's buffers. Resolves to its number. */
  add(work: TrialWork): Promise<number>;
  /** Compiles a trial. Resolves to the kernels and what they are in the model, for people. */
  prepare(trial: number, chosen: ChosenVariants): Promise<string>;
  /** What was prepared last, so many times over, in one submit. Resolves when it is done, to the seconds that took. */
  run(trial: number, repeats: number): Promise<number>;
  /** y of a trial, perhaps with a few floats behind it that mean nothing. */
  read(trial: number): Promise<Float32Array>;
  /** Frees every trial. */
  clear(): Promise<void>;
}
