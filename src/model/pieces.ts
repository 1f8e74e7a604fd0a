/**
 * What the loader sends and the engine uploads: bytes, and where on the GPU they belong. Plain data that crosses between
 * workers; the bytes are transferred, not copied.
 */
import type { BandOp, BandTarget } from './layout/jobs.ts';

export interface Piece {
  readonly blobs: readonly ArrayBuffer[];
  readonly writes: readonly Write[];
  /** Bytes of weights that have been read so far, this piece included. */
  readonly loaded: number;
  readonly file: string;
}

/** Bytes [at, at + length) of a blob. All in bytes; `length` is a multiple of 4. */
interface Slice {
  readonly blob: number;
  readonly at: number;
  readonly length: number;
}

export type Write =
  | (Slice & {
      readonly kind: 'copy';
      readonly buffer: number;
      /** A multiple of 4. */
      readonly offset: number;
    })
  /** Whole rows of a tensor, from row `firstRow` on, that a kernel puts into their places. */
  | (Slice & {
      readonly kind: 'band';
      readonly op: BandOp;
      readonly targets: readonly BandTarget[];
      readonly firstRow: number;
      readonly rows: number;
    });
