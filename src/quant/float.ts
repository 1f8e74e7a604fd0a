/**
 * 16-bit floats to and from f32. Widening is exact; narrowing rounds to nearest, ties to even, as torch does. Bytes are
 * little-endian, as in safetensors and on every machine that has WebGPU.
 */

export type FloatFormat = 'F32' | 'F16' | 'BF16';

const scratchF32 = new Float32Array(1);
const scratchBits = new Uint32Array(scratchF32.buffer);

export function bf16ToF32(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratchF32[0]!;
}

/** bf16 is the upper half of an f32: adding just under half a unit (or half, to an odd one) rounds to even. */
export function f32ToBf16(value: number): number {
  scratchF32[0] = value;
  const bits = scratchBits[0]!;
  if (Number.isNaN(scratchF32[0])) return (bits >>> 16) | 0x40; // a NaN whose payload sits low must not become Infinity
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

export function f16ToF32(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24; // subnormal
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export function f32ToF16(value: number): number {
  scratchF32[0] = value;
  const bits = scratchBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and more round to Infinity
  if (magnitude < 0x38800000) {
    // Below 2^-14: subnormal, a multiple of 2^-24. Scaling by a power of two is exact, so only the rounding rounds.
    return sign | roundHalfEven(Math.abs(scratchF32[0]!) * 2 ** 24);
  }
  const rebased = magnitude - 0x38000000; // exponent bias 127 -> 15
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
}

/**
 * To the nearest integer, ties to the even one, as torch.round. Adding 1.5 * 2^52 leaves no bits below the units, and a
 * double sum rounds half to even by itself. Up to 2^51.
 */
export function roundHalfEven(value: number): number {
  return value + 6755399441055744 - 6755399441055744;
}

/** Bytes per element. */
export function floatBytes(format: FloatFormat): 2 | 4 {
  return format === 'F32' ? 4 : 2;
}

/** [n] elements as f32, exactly. @param bytes may begin at any byte offset of its buffer */
export function widenToF32(bytes: Uint8Array, format: FloatFormat): Float32Array<ArrayBuffer> {
  const width = floatBytes(format);
  if (bytes.length % width !== 0) throw new RangeError(`${bytes.length} bytes are no whole number of ${format}`);
  const values = new Float32Array(bytes.length / width);
  if (format === 'F32') {
    new Uint8Array(values.buffer).set(bytes);
    return values;
  }
  const halves = halvesOf(bytes);
  if (format === 'BF16') {
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  } else {
    for (let i = 0; i < halves.length; i++) values[i] = f16ToF32(halves[i]!);
  }
  return values;
}

/** The inverse of `widenToF32`, rounding to nearest even. */
export function narrowFromF32(values: Float32Array, format: FloatFormat): Uint8Array<ArrayBuffer> {
  if (format === 'F32') return new Uint8Array(values.slice().buffer);
  const narrow = format === 'BF16' ? f32ToBf16 : f32ToF16;
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = narrow(values[i]!);
  return new Uint8Array(halves.buffer);
}

/** Index of the first NaN or infinity among [n] elements, or -1; reads exponents only, so nothing is widened. */
export function firstNonFinite(bytes: Uint8Array, format: FloatFormat): number {
  const [words, mask] =
    format === 'F32'
      ? [new Uint32Array(alignedBuffer(bytes)), 0x7f800000]
      : [halvesOf(bytes), format === 'BF16' ? 0x7f80 : 0x7c00];
  for (let i = 0; i < words.length; i++) {
    if ((words[i]! & mask) === mask) return i;
  }
  return -1;
}

function halvesOf(bytes: Uint8Array): Uint16Array {
  if (bytes.byteOffset % 2 === 0) return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
  return new Uint16Array(alignedBuffer(bytes));
}

/** Typed arrays need aligned offsets; a piece of a network stream can begin anywhere. */
function alignedBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}
