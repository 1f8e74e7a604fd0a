/**
 * Jobs that put rows of stored matrices into a blob, for matrices that lie in their files as they will on the GPU: rows of floats,
 * and int4 as compressed-tensors packs it. The others: matrix-jobs.ts.
 */
import type { FloatMatrix, Int4Matrix, Matrix } from '../../checkpoint/model-tensors.ts';
import type { Tensor } from '../../checkpoint/tensor.ts';
import { bytesOf } from '../../kernels/blob-layout.ts';
import type { BlobLayout, FloatDtype, Storage } from '../../kernels/matrix.ts';
import type { BandJob, DirectJob, Job, RowsTarget, Transform, WholeJob } from './jobs.ts';

/** One matrix (or pair) inside a buffer. */
export interface Blob {
  readonly buffer: number;
  /** Bytes from the buffer's start. */
  readonly offset: number;
  readonly layout: BlobLayout;
  readonly storage: Storage;
  readonly cols: number;
}

/** `count` rows of a matrix from `first` on, which become the blob's rows from `to` on. */
export interface Run {
  readonly blob: Blob;
  readonly first: number;
  readonly count: number;
  readonly to: number;
}

/** A job that several targets take from. */
type Shared = (WholeJob | BandJob) & { readonly targets: unknown[] };

export class PlainJobs {
  readonly #direct: DirectJob[] = [];
  /** By tensor and work: several shards take from one reading. */
  readonly #shared = new Map<string, Shared>();

  list(): Job[] {
    return [...this.#direct, ...(this.#shared.values() as Iterable<Job>)];
  }

  /** A norm's weight, widened to f32. */
  vector(tensor: Tensor, buffer: number): void {
    const transform = { kind: 'widen', from: tensor.dtype as FloatDtype } as const;
    this.whole(tensor, transform, { buffer, offset: 0, start: 0, end: tensor.shape[0]! * 4 });
  }

  /** Rows first .. first + count - 1 of the matrices over each other become the blob's rows from `to` on. */
  rows(blob: Blob, matrices: readonly Matrix[], first: number, count: number, to: number): void {
    let skip = first;
    let left = count;
    let at = to;
    for (const matrix of matrices) {
      const from = Math.min(skip, matrix.rows);
      const take = Math.min(matrix.rows - from, left);
      if (take > 0) this.matrix(matrix, { blob, first: from, count: take, to: at });
      skip -= from;
      left -= take;
      at += take;
    }
  }

  /**
   * The tables that say which group a column belongs to, one per matrix. An order that turns out to be the natural one costs
   * the lookups all the same: kernels are chosen before anything of it is read.
   */
  order({ buffer, offset, layout, cols }: Blob, matrices: readonly Matrix[]): void {
    matrices.forEach((matrix, index) => {
      const { groupIndex, groupSize } = matrix as Int4Matrix;
      const at = offset + (layout.orderAt + index * cols) * 4;
      const target = { buffer, offset: at, start: 0, end: cols * 4 };
      this.whole(groupIndex!, { kind: 'groups', cols, groupSize }, target);
    });
  }

  protected matrix(matrix: Matrix, run: Run): void {
    if (matrix.kind === 'float') this.#float(matrix, run);
    else if (matrix.kind === 'int4') this.#int4(matrix, run);
    else throw new TypeError(`a matrix of ${matrix.kind} is not plain`);
  }

  #float({ weight, dtype, cols }: FloatMatrix, run: Run): void {
    this.copyRows(weight, cols * bytesOf(dtype), 'weights', run);
  }

  #int4({ cols, groupSize, packed, scales, zeroPoints }: Int4Matrix, run: Run): void {
    const from = scales.dtype as FloatDtype;
    const groups = cols / groupSize;
    this.copyRows(packed, cols / 2, 'weights', run);
    this.copyRows(scales, groups * bytesOf(from), 'scales', run, from);
    if (zeroPoints) this.copyRows(zeroPoints, groups * 4, 'zeros', eighths(run));
  }

  protected copyRows(
    tensor: Tensor,
    rowBytes: number,
    section: Section,
    run: Run,
    how: DirectJob['how'] = 'copy',
  ): void {
    const { blob, first, count, to } = run;
    const { buffer } = blob;
    const offset = rowAt(blob, section, rowBytes, to);
    const [start, end] = [first * rowBytes, (first + count) * rowBytes];
    this.#direct.push({ kind: 'direct', tensor, start, end, buffer, offset, how });
  }

  protected whole(tensor: Tensor, transform: Transform, target: RowsTarget): void {
    const key = `${tensor.file} ${tensor.start} ${JSON.stringify(transform)}`;
    this.share(key, { kind: 'whole', tensor, transform, targets: [target] } as WholeJob);
  }

  /** Adds the job, or its targets to the one that does the same work. @param key names tensor and work */
  protected share(key: string, job: WholeJob | BandJob): void {
    const same = this.#shared.get(key);
    if (same) same.targets.push(...job.targets);
    else this.#shared.set(key, job as Shared);
  }
}

export type Section = 'weights' | 'scales' | 'zeros';

/** Bytes. */
export function sectionAt({ offset, layout }: Blob, section: Section): number {
  const words = { weights: 0, scales: layout.scalesAt, zeros: layout.zerosAt }[section];
  return offset + words * 4;
}

/** Bytes: where row `row` of a section begins. Widths are multiples of 8 and rows are cut in eights, so it is a word's start. */
export function rowAt(blob: Blob, section: Section, rowBytes: number, row: number): number {
  const offset = sectionAt(blob, section) + row * rowBytes;
  if (offset % 4 !== 0) throw new Error(`row ${row} of ${rowBytes} bytes would begin at byte ${offset}, inside a word`);
  return offset;
}

/** Zero points share a word in eights of rows. */
export function eighths({ blob, first, count, to }: Run): Run {
  if (first % 8 !== 0 || to % 8 !== 0) throw new Error(`rows ${first} and ${to} begin inside a word of zero points`);
  return { blob, first: first / 8, count: Math.ceil(count / 8), to: to / 8 };
}
