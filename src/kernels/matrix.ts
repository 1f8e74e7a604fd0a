/**
 * Weights on the GPU. One table row per storage kind, from the file's bits to the kernel that reads them:
 *
 * | stored as | codec | GPU layout | kernels |
 * |---|---|---|---|
 * | BF16, F16, F32 | none: the file's own bits | [rows, cols] | `*-float`, override ELEMENT |
 * | compressed-tensors int4, group 32/64/128, symmetric or not | none: the file's own bits | words, scales, zeros | `*-int4`, overrides GROUP_SIZE, SCALE, ASYMMETRIC |
 */
export type FloatDtype = 'BF16' | 'F16' | 'F32';

export type Storage =
  | { readonly kind: 'float'; readonly element: FloatDtype }
  | { readonly kind: 'int4'; readonly groupSize: number; readonly scale: FloatDtype; readonly asymmetric: boolean };

/** How a [rows, cols] matrix lies in a blob; offsets and sizes in u32. */
export interface BlobLayout {
  readonly scalesAt: number;
  readonly zerosAt: number;
  /** Multiple of 4, so that blobs follow each other at 16-byte steps. */
  readonly length: number;
}

/** A matrix y = W x, or a stack of them (experts), cut into buffers that one binding can hold. */
export interface GpuMatrix {
  readonly storage: Storage;
  readonly outputs: number;
  readonly cols: number;
  /** Gate and up: every shard holds the gate rows of its outputs, then their up rows. */
  readonly paired: boolean;
  /** undefined: one matrix, no routing. */
  readonly numExperts: number | undefined;
  readonly shards: readonly Shard[];
}

/** Experts firstExpert .. firstExpert + numExperts - 1, and of each the outputs firstOutput .. + outputs - 1. */
export interface Shard {
  readonly buffer: GPUBuffer;
  readonly firstExpert: number;
  readonly numExperts: number;
  readonly firstOutput: number;
  readonly outputs: number;
  readonly layout: BlobLayout;
}

export const FLOAT_CODE: Readonly<Record<FloatDtype, number>> = { BF16: 0, F16: 1, F32: 2 };

export function bytesOf(dtype: FloatDtype): number {
  return dtype === 'F32' ? 4 : 2;
}

export function blobLayout(storage: Storage, rows: number, cols: number): BlobLayout {
  if (storage.kind === 'float') {
    const length = (rows * cols * bytesOf(storage.element)) / 4;
    return { scalesAt: length, zerosAt: length, length: align4(length) };
  }
  const groups = cols / storage.groupSize;
  const scalesAt = (rows * cols) / 8;
  const zerosAt = scalesAt + Math.ceil((rows * groups * bytesOf(storage.scale)) / 4);
  const length = zerosAt + (storage.asymmetric ? Math.ceil(rows / 8) * groups : 0);
  return { scalesAt, zerosAt, length: align4(length) };
}

/** Overrides that every kernel over this storage takes. */
export function storageOverrides(storage: Storage): Record<string, number> {
  if (storage.kind === 'float') return { ELEMENT: FLOAT_CODE[storage.element] };
  return { GROUP_SIZE: storage.groupSize, SCALE: FLOAT_CODE[storage.scale], ASYMMETRIC: storage.asymmetric ? 1 : 0 };
}

function align4(words: number): number {
  return Math.ceil(words / 4) * 4;
}
