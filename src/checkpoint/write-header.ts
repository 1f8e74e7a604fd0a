import { PREFIX_BYTES } from './header.ts';
import { DTYPE_BYTES, type Dtype } from './tensor.ts';

export interface TensorSpec {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

export interface HeaderLayout {
  /** The length prefix and the JSON, padded with spaces to a multiple of 8. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Name -> absolute byte range. */
  readonly ranges: ReadonlyMap<string, { readonly start: number; readonly end: number }>;
  readonly fileSize: number;
}

/** Bytes of one tensor. */
export function tensorBytes({ dtype, shape }: TensorSpec): number {
  return shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
}

/**
 * The head of a new safetensors file, and where each tensor goes: widest dtypes first, so that all are aligned, else in
 * the order given.
 */
export function layOutHeader(tensors: readonly TensorSpec[], metadata: Readonly<Record<string, string>>): HeaderLayout {
  const ordered = [...tensors].sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]); // stable
  const entries: [string, unknown][] = [['__metadata__', metadata]];
  let end = 0;
  for (const tensor of ordered) {
    const begin = end;
    end += tensorBytes(tensor);
    entries.push([tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [begin, end] }]);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const dataStart = PREFIX_BYTES + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(dataStart).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataStart - PREFIX_BYTES), true);
  bytes.set(json, PREFIX_BYTES);

  const ranges = new Map<string, { start: number; end: number }>();
  let start = dataStart;
  for (const tensor of ordered) {
    ranges.set(tensor.name, { start, end: start + tensorBytes(tensor) });
    start += tensorBytes(tensor);
  }
  return { bytes, ranges, fileSize: start };
}
