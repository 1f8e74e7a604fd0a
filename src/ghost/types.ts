/** A checkpoint as a ghost describes it: files, what stands where in each, and how a tensor is filled. */
import type { TensorSpec } from '../checkpoint/write-header.ts';
import type { GhostDims } from './dims.ts';
import type { TileName } from './tiles.ts';

/** How a tensor is filled: from a tile, with these numbers, or with the group of each column in a shuffled order. */
export type Fill =
  | TileName
  | { readonly kind: 'int64'; readonly values: readonly number[] }
  | { readonly kind: 'groups'; readonly cols: number; readonly groupSize: number };

export interface GhostTensor extends TensorSpec {
  readonly fill: Fill;
}

/** Consecutive bytes of a file: known ones (text, a header) or a tensor's. */
export interface GhostSegment {
  readonly start: number;
  readonly end: number;
  readonly content: Uint8Array<ArrayBuffer> | GhostTensor;
}

export interface GhostFile {
  /** Inside the folder. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** In order, without gaps. */
  readonly segments: readonly GhostSegment[];
}

export interface GhostSpec {
  /** `scout-w4a16` */
  readonly name: string;
  readonly dims: GhostDims;
  readonly files: ReadonlyMap<string, GhostFile>;
  /** Of all tensors, without headers: `total_size` of the index. */
  readonly tensorBytes: number;
  /** Of all safetensors files, headers included. */
  readonly weightFileBytes: number;
}
