/**
 * How bytes of tensors get into buffers. Pure data: the loader carries it out, the plan counts it. Three kinds of work:
 * bytes that go as they are (`direct`), small tensors that are turned into something else on the CPU (`whole`), and bands of
 * rows that a kernel turns or quantizes on the GPU (`band`).
 */

import type { Tensor } from '../../checkpoint/tensor.ts';
import type { FloatDtype } from '../../kernels/matrix.ts';
import type { QuantizePlace, QuantizeShape } from '../../kernels/quantize.ts';
import type { TransposeShape } from '../../kernels/transpose.ts';

/** What scales are stored as. */
export type ScaleDtype = FloatDtype | 'F8_E4M3';

export type Job = DirectJob | WholeJob | BandJob;

/** Where in its file the job begins to read. */
export function startOf(job: Job): number {
  return job.tensor.start + (job.kind === 'whole' ? 0 : job.start);
}

/** Where in its file the job ends to read. */
export function endOf(job: Job): number {
  return job.kind === 'whole' ? job.tensor.end : job.tensor.start + job.end;
}

/** Bytes of tensors that the jobs read; the few bytes beside them that some transforms look up are not counted. */
export function bytesToRead(jobs: readonly Job[]): number {
  return jobs.reduce((sum, job) => sum + endOf(job) - startOf(job), 0);
}

/** Tensors of a few bytes that the job looks up beside the one it reads. */
export function sidesOf(job: Job): Tensor[] {
  if (job.kind !== 'whole') return [];
  const { transform } = job;
  if (transform.kind === 'scales') return transform.divisor ? [transform.divisor] : [];
  if (transform.kind !== 'absmax') return [];
  const { quantMap, quantState, nested } = transform;
  return [quantMap, quantState, ...(nested ? [nested.absmax, nested.quantMap] : [])];
}

/** Every file that the jobs need something of. */
export function filesOf(jobs: readonly Job[]): Set<string> {
  return new Set(jobs.flatMap((job) => [job.tensor.file, ...sidesOf(job).map(({ file }) => file)]));
}

/** Bytes [start, end) of the tensor, as they are. */
export interface DirectJob {
  readonly kind: 'direct';
  readonly tensor: Tensor;
  readonly start: number;
  readonly end: number;
  readonly buffer: number;
  /** Bytes; a multiple of 4. */
  readonly offset: number;
  /** `swap`: the two nibbles of every byte change places. A dtype: scales that must be finite. */
  readonly how: 'copy' | 'swap' | ScaleDtype;
}

export type WholeJob = WholeJobOf<Widening> | WholeJobOf<Conversion>;

/** The whole tensor, transformed into rows of equal length, of which each target takes a run. */
export interface WholeJobOf<T extends Transform> {
  readonly kind: 'whole';
  readonly tensor: Tensor;
  readonly transform: T;
  readonly targets: readonly RowsTarget[];
}

export interface RowsTarget {
  readonly buffer: number;
  /** Bytes; a multiple of 4. */
  readonly offset: number;
  /** Bytes of the transformed tensor. */
  readonly start: number;
  readonly end: number;
}

export type Transform = Widening | Conversion;

/** Floats to f32. */
export interface Widening {
  readonly kind: 'widen';
  readonly from: FloatDtype;
}

/** What only some formats need. */
export type Conversion =
  /** Scales, stored [rows, groups] or, `transposed`, [groups, rows] -> [rows, groups]; each row by its divisor where there is one. */
  | {
      readonly kind: 'scales';
      readonly from: FloatDtype;
      readonly to: FloatDtype;
      readonly rows: number;
      readonly groups: number;
      readonly transposed: boolean;
      readonly divisor: Tensor | undefined;
    }
  /** Zero points [groups, rows / 8] -> [ceil(rows / 8), groups] words, as compressed-tensors packs them. */
  | {
      readonly kind: 'zero-points';
      readonly packing: 'gptq' | 'awq';
      readonly rows: number;
      readonly groups: number;
      readonly zeroOffset: 0 | 1;
    }
  /** Scales [ceil(rows / blockRows), groups] -> [rows, groups]. */
  | {
      readonly kind: 'repeated-scales';
      readonly from: FloatDtype;
      readonly rows: number;
      readonly groups: number;
      readonly blockRows: number;
    }
  /** The group of each column, where they are not in their natural order: I32 -> u32 [cols]. */
  | { readonly kind: 'groups'; readonly cols: number; readonly groupSize: number }
  /** One f32 -> `rows` times it, or its reciprocal. */
  | { readonly kind: 'fill'; readonly rows: number; readonly reciprocal: boolean }
  /** Block maxima of NF4 -> f32. */
  | {
      readonly kind: 'absmax';
      readonly rows: number;
      readonly cols: number;
      readonly quantMap: Tensor;
      readonly quantState: Tensor;
      readonly nested: { readonly absmax: Tensor; readonly quantMap: Tensor; readonly first: number } | undefined;
    };

/** Bands of whole rows of the tensor go to the GPU, where a kernel writes them into their places. */
export interface BandJob {
  readonly kind: 'band';
  readonly tensor: Tensor;
  readonly start: number;
  readonly end: number;
  readonly rowBytes: number;
  /** Bands are multiples of so many rows. */
  readonly rowStep: number;
  /** The rows' elements, where they must be finite. */
  readonly finite: ScaleDtype | undefined;
  readonly op: BandOp;
  readonly targets: readonly BandTarget[];
}

/** What the kernel does, in its own words. */
export type BandOp =
  | ({ readonly kind: 'transpose' } & TransposeShape)
  | ({ readonly kind: 'quantize' } & QuantizeShape);

/** Where a run of the matrix's rows goes. */
export interface BandTarget extends QuantizePlace {
  readonly buffer: number;
}
