/**
 * Weights on the GPU. One table row per storage kind, from the file's bits to the kernel that reads them:
 *
 * | stored as | codec | GPU layout (sections of a blob) | kernels' key in by-storage.ts, and overrides |
 * |---|---|---|---|
 * | BF16, F16, F32 | none: the file's own bits | weights | `float`: ELEMENT |
 * | compressed-tensors int4, symmetric or not; GPTQ and AWQ re-ordered to it | none, or a bijection | words, scales, zeros | `int4`: GROUP_SIZE, SCALE, ASYMMETRIC |
 * | the same with activation order (g_idx) | as above | words, scales, zeros, group of each column | `ordered`: as int4 |
 * | MLX affine, 4 or 8 bits; what is re-quantized at load | none | words, scales, biases | `affine`: GROUP_SIZE, SCALE, BITS |
 * | FP8 E4M3, a scale per channel, 128 x 128 block or tensor | scales repeated over rows | bytes, scales | `fp8`: GROUP_SIZE, SCALE |
 * | NVFP4 | none, or a transposition | nibbles, E4M3 scales, one f32 a row | `nvfp4` |
 * | bitsandbytes NF4 | nibbles swapped, absmax decoded | nibbles, f32 absmax | `nf4` |
 */
export type FloatDtype = 'BF16' | 'F16' | 'F32';

/** In every kind, `groupSize` is the columns that share a scale. */
export type Storage =
  | { readonly kind: 'float'; readonly element: FloatDtype }
  | {
      readonly kind: 'int4';
      readonly groupSize: number;
      readonly scale: FloatDtype;
      readonly asymmetric: boolean;
      /** The group of a column is read from a table, not its place. */
      readonly ordered: boolean;
    }
  | { readonly kind: 'affine'; readonly bits: 4 | 8; readonly groupSize: number; readonly scale: FloatDtype }
  | { readonly kind: 'fp8'; readonly groupSize: number; readonly scale: FloatDtype }
  | { readonly kind: 'nvfp4' }
  | { readonly kind: 'nf4' };

/** How a [rows, cols] matrix lies in a blob; offsets and sizes in u32. */
export interface BlobLayout {
  /** float: the end of the weights. fp8: [rows, ceil(cols / groupSize)]. nvfp4: E4M3 [rows, cols / 16]. nf4: f32 [rows * cols / 64]. */
  readonly scalesAt: number;
  /** int4: zero points [ceil(rows / 8), groups] of 8 nibbles. affine: biases [rows, groups]. nvfp4: f32 [rows]. */
  readonly zerosAt: number;
  /** int4 `ordered`: u32 [1 or, where paired, 2][cols], the group of each column. */
  readonly orderAt: number;
  /** Multiple of 4, so that blobs follow each other at 16-byte steps. */
  readonly length: number;
}

/**
 * A matrix y = W x, or a stack of them (experts), cut into buffers that one binding can hold.
 * @typeParam B what stands for a buffer: the GPU's own, or its number in a plan
 */
export interface GpuMatrix<B = GPUBuffer> {
  readonly storage: Storage;
  readonly outputs: number;
  readonly cols: number;
  /** Gate and up: every shard holds the gate rows of its outputs, then their up rows. */
  readonly paired: boolean;
  /** undefined: one matrix, no routing. */
  readonly numExperts: number | undefined;
  /** One more blob lies behind the last expert of the stack: the shared expert's, in the slot `numExperts`. */
  readonly shared: boolean;
  /** All of a stack have equally many slots, but for the last. */
  readonly shards: readonly Shard<B>[];
}

/** Slots firstExpert .. firstExpert + numExperts - 1, and of each the outputs firstOutput .. + outputs - 1. */
export interface Shard<B = GPUBuffer> {
  readonly buffer: B;
  readonly firstExpert: number;
  readonly numExperts: number;
  readonly firstOutput: number;
  readonly outputs: number;
  readonly layout: BlobLayout;
}

export const FLOAT_CODE: Readonly<Record<FloatDtype, number>> = { BF16: 0, F16: 1, F32: 2 };

/** Overrides that every kernel over this storage takes. */
export function storageOverrides(storage: Storage): Record<string, number> {
  if (storage.kind === 'float') return { ELEMENT: FLOAT_CODE[storage.element] };
  if (storage.kind === 'nvfp4' || storage.kind === 'nf4') return {};
  const scales = { GROUP_SIZE: storage.groupSize, SCALE: FLOAT_CODE[storage.scale] };
  if (storage.kind === 'int4') return { ...scales, ASYMMETRIC: storage.asymmetric ? 1 : 0 };
  return storage.kind === 'affine' ? { ...scales, BITS: storage.bits } : scales;
}
