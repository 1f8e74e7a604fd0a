/**
 * What the loader sends and the engine uploads: bytes, and where on the GPU they belong. Plain data that crosses between
 * workers; the bytes are transferred, not copied.
 */
import type { BandDispatch } from '../kernels/transpose.ts';

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
  /** Whole rows of a tensor, that kernels put into their places. Few models need them, so they come with the bytes. */
  | (Slice & {
      readonly kind: 'band';
      readonly targets: readonly { readonly buffer: number; readonly dispatch: BandDispatch }[];
    });
