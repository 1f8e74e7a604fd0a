/** The safetensors element types that the format's library writes for dense tensors. */
export type Dtype =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'F8_E8M0'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U64'
  | 'U32'
  | 'U16'
  | 'U8'
  | 'BOOL';

/** Bytes per element. */
export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/** Where one tensor's bytes are. Row-major, little-endian, nothing read yet. */
export interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Path inside the model's folder. */
  readonly file: string;
  /** First byte, counted from the start of `file`. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

export function isDtype(name: unknown): name is Dtype {
  return typeof name === 'string' && Object.hasOwn(DTYPE_BYTES, name);
}

/** Element `index` of a stack [count, ...rest]: the same bytes, seen as a tensor [...rest]. */
export function partOf(tensor: Tensor, index: number): Tensor {
  const [count, ...shape] = tensor.shape;
  const bytes = (tensor.end - tensor.start) / count!;
  const start = tensor.start + index * bytes;
  return { ...tensor, name: `${tensor.name}[${index}]`, shape, start, end: start + bytes };
}

/** The bytes from `offset` on, seen as another tensor. */
export function runOf(tensor: Tensor, offset: number, dtype: Dtype, shape: readonly number[]): Tensor {
  const start = tensor.start + offset;
  return {
    ...tensor,
    dtype,
    shape,
    start,
    end: start + shape.reduce((bytes, size) => bytes * size, DTYPE_BYTES[dtype]),
  };
}
