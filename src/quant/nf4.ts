/**
 * bitsandbytes NF4: blocks of 64 weights along the flattened matrix, each with its largest magnitude.
 *
 *   packed  [rows * cols / 2]    u8; HIGH nibble = even element
 *   absmax  [rows * cols / 64]   f32; or, quantized once more, u8 codes in blocks of 256:
 *                                absmax[b] = quantMap[code[b]] * nestedAbsmax[b >> 8] + offset
 *
 *   w = NF4_CODE[nibble] * absmax, in f32
 */
import { OutriderError } from '../errors.ts';
import { NF4_BLOCK, NF4_CODE, NF4_NESTED_BLOCK } from './nf4-code.ts';

const NESTED_SHIFT = Math.log2(NF4_NESTED_BLOCK);

/** f32 weights [n]. @param packed [n / 2] @param absmax [n / 64] */
export function dequantizeNf4(packed: Uint8Array, absmax: Float32Array): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(packed.length * 2);
  for (let i = 0; i < weights.length; i++) {
    const nibble = (packed[i >> 1]! >>> (i & 1 ? 0 : 4)) & 15;
    weights[i] = NF4_CODE[nibble]! * absmax[Math.floor(i / NF4_BLOCK)]!;
  }
  return weights;
}

export interface NestedAbsmax {
  /** One per 256 blocks of the whole stored tensor. */
  readonly absmax: Float32Array;
  /** [256] */
  readonly quantMap: Float32Array;
  readonly offset: number;
  /** Place of the first code in the whole stored tensor, in blocks. */
  readonly firstBlock: number;
}

/** Block maxima f32 [n] of codes [n], with the roundings of the library: a product, then a sum, both f32. */
export function nf4Absmax(
  codes: Uint8Array,
  { absmax, quantMap, offset, firstBlock }: NestedAbsmax,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(codes.length);
  const added = Math.fround(offset);
  for (let i = 0; i < codes.length; i++) {
    result[i] = Math.fround(quantMap[codes[i]!]! * absmax[(firstBlock + i) >> NESTED_SHIFT]!) + added;
  }
  return result;
}

/** Throws `quantization_unsupported` where a stored `quant_map` is not NF4's own code, which the kernels hold. */
export function checkNf4Code(map: Float32Array): void {
  if (map.length === 16 && map.every((value, i) => value === NF4_CODE[i])) return;
  throw new OutriderError(
    'quantization_unsupported',
    `The checkpoint's 4-bit code is [${[...map].slice(0, 16).join(', ')}]; only NF4's own code is read. ` +
      'Quantize the original weights again with bnb_4bit_quant_type "nf4".',
  );
}

/** What bitsandbytes writes beside each matrix, as JSON. */
export interface QuantState {
  /** Of the original weight; a stack of experts may have three sizes. */
  readonly shape: readonly number[];
  readonly blocksize: number;
  /** Undefined without a second quantization. */
  readonly nestedBlocksize: number | undefined;
  readonly nestedOffset: number | undefined;
  readonly quantType: string;
}

/** Throws `checkpoint_invalid`. @param bytes of the tensor `quant_state.bitsandbytes__nf4` */
export function parseQuantState(bytes: Uint8Array): QuantState {
  const state = parseObject(bytes);
  const { shape, blocksize, nested_blocksize: nestedBlocksize, nested_offset: nestedOffset } = state;
  const isNested = nestedBlocksize !== undefined || nestedOffset !== undefined;
  if (
    !(Array.isArray(shape) && shape.every(isSize) && isSize(blocksize)) ||
    (isNested && !(isSize(nestedBlocksize) && typeof nestedOffset === 'number'))
  ) {
    throw invalidState(bytes);
  }
  return {
    shape,
    blocksize,
    nestedBlocksize: nestedBlocksize as number | undefined,
    nestedOffset: nestedOffset as number | undefined,
    quantType: String(state.quant_type),
  };
}

/**
 * Throws `quantization_unsupported` for another code or block size, and `tensor_mismatch` where the matrix, or each of a
 * stack, is not [rows, cols].
 * @param nested whether the tensors say that the block maxima are quantized too
 * @param tensor name for the message
 */
export function checkQuantState(
  state: QuantState,
  { rows, cols, nested, tensor }: { rows: number; cols: number; nested: boolean; tensor: string },
): void {
  const { shape, blocksize, nestedBlocksize, quantType } = state;
  const details = { tensor };
  if (quantType !== 'nf4' || blocksize !== NF4_BLOCK || (nested && nestedBlocksize !== NF4_NESTED_BLOCK)) {
    const found = `${quantType} in blocks of ${blocksize}, nested ${nestedBlocksize ?? 'none'}`;
    const message = `"${tensor}" is ${found}; read is nf4 in blocks of ${NF4_BLOCK}, nested ${NF4_NESTED_BLOCK} or none.`;
    throw new OutriderError('quantization_unsupported', message, { details });
  }
  if (nested !== (nestedBlocksize !== undefined) || shape.at(-2) !== rows || shape.at(-1) !== cols) {
    const found = `[${shape.join(', ')}]${nestedBlocksize === undefined ? '' : ', nested'}`;
    const message =
      `"${tensor}" says that its weight is ${found}, but config.json and its tensors imply ` +
      `[${rows}, ${cols}]${nested ? ', nested' : ''}. Download the file again, or report this checkpoint.`;
    throw new OutriderError('tensor_mismatch', message, { details });
  }
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw invalidState(bytes, cause);
  }
  throw invalidState(bytes);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function invalidState(bytes: Uint8Array, cause?: unknown): OutriderError {
  const begins = JSON.stringify(new TextDecoder().decode(bytes.subarray(0, 60)));
  const message = `A bitsandbytes quant_state is not the JSON that is expected: it begins with ${begins}. Download the file again.`;
  return new OutriderError('checkpoint_invalid', message, { cause });
}
