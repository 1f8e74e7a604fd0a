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

export function bytesOf(dtype: FloatDtype): 2 | 4 {
  return dtype === 'F32' ? 4 : 2;
}

/** @param paired gate and up, which have an order of columns each */
export function blobLayout(storage: Storage, rows: number, cols: number, paired = false): BlobLayout {
  const [weights, scales, zeros, order] = sections(storage, rows, cols, paired);
  const scalesAt = Math.ceil(weights / 4);
  const zerosAt = scalesAt + Math.ceil(scales / 4);
  const orderAt = zerosAt + Math.ceil(zeros / 4);
  return { scalesAt, zerosAt, orderAt, length: align4(orderAt + order / 4) };
}

/** Bytes of weights, scales, zero points (or what stands in their place), and the order of the columns. */
function sections(storage: Storage, rows: number, cols: number, paired: boolean): [number, number, number, number] {
  const weights = rows * cols;
  if (storage.kind === 'float') return [weights * bytesOf(storage.element), 0, 0, 0];
  if (storage.kind === 'nvfp4') return [weights / 2, weights / 16, rows * 4, 0];
  if (storage.kind === 'nf4') return [weights / 2, weights / 16, 0, 0];
  const groups = Math.ceil(cols / storage.groupSize);
  const scales = rows * groups * bytesOf(storage.scale);
  if (storage.kind === 'fp8') return [weights, scales, 0, 0];
  if (storage.kind === 'affine') return [(weights * storage.bits) / 8, scales, scales, 0];
  const zeros = storage.asymmetric ? Math.ceil(rows / 8) * groups * 4 : 0;
  return [weights / 2, scales, zeros, storage.ordered ? cols * 4 * (paired ? 2 : 1) : 0];
}

/** Overrides that every kernel over this storage takes. */
export function storageOverrides(storage: Storage): Record<string, number> {
  if (storage.kind === 'float') return { ELEMENT: FLOAT_CODE[storage.element] };
  if (storage.kind === 'nvfp4' || storage.kind === 'nf4') return {};
  const scales = { GROUP_SIZE: storage.groupSize, SCALE: FLOAT_CODE[storage.scale] };
  if (storage.kind === 'int4') return { ...scales, ASYMMETRIC: storage.asymmetric ? 1 : 0 };
  return storage.kind === 'affine' ? { ...scales, BITS: storage.bits } : scales;
}

function align4(words: number): number {
  return Math.ceil(words / 4) * 4;
}
