/**
 * Re-orderings of quantized tensors on their way in: exact, and bijections but for `divideRows`. Bytes are little-endian, as
 * in safetensors; they may begin at any offset of their buffer. All run over gigabytes, hence the plain loops over words.
 */
import { OutriderError } from '../errors.ts';
import { AWQ_SHIFT } from './awq.ts';

/** Elements of a tile's side: rows and columns of one fit the first-level cache together. */
const TILE = 32;

/** [rows, cols] elements of `width` bytes -> [cols, rows]. */
export function transposeBytes(
  bytes: Uint8Array,
  rows: number,
  cols: number,
  width: 1 | 2 | 4,
): Uint8Array<ArrayBuffer> {
  checkLength(bytes, rows * cols * width);
  const result = new Uint8Array(bytes.length);
  if (width === 1) transpose(bytes, result, rows, cols);
  else if (width === 2) transpose(u16(bytes), new Uint16Array(result.buffer), rows, cols);
  else transpose(u32(bytes), new Uint32Array(result.buffer), rows, cols);
  return result;
}

type Elements = Uint8Array | Uint16Array | Uint32Array;

function transpose(source: Elements, target: Elements, rows: number, cols: number): void {
  for (let firstRow = 0; firstRow < rows; firstRow += TILE) {
    const endRow = Math.min(rows, firstRow + TILE);
    for (let firstCol = 0; firstCol < cols; firstCol += TILE) {
      const endCol = Math.min(cols, firstCol + TILE);
      for (let col = firstCol; col < endCol; col++) {
        const to = col * rows;
        for (let row = firstRow; row < endRow; row++) target[to + row] = source[row * cols + col]!;
      }
    }
  }
}

/**
 * Zero points I32 [groups, rows / 8] -> u32 [rows / 8, groups] as compressed-tensors packs them: lowest nibble = lowest row,
 * a nibble is the zero point itself, 0..15.
 * @param zeroOffset what is added to each, modulo 16: 1 in GPTQ's first format, which stores zero - 1
 */
export function int4ZeroPoints(
  bytes: Uint8Array,
  groups: number,
  rows: number,
  packing: 'gptq' | 'awq',
  zeroOffset: 0 | 1,
): Uint8Array<ArrayBuffer> {
  const words = rows >> 3;
  checkLength(bytes, groups * words * 4);
  const source = u32(bytes);
  const target = new Uint32Array(source.length);
  const ordered = packing === 'awq' ? inRowOrder : (word: number): number => word;
  for (let group = 0; group < groups; group++) {
    for (let word = 0; word < words; word++) {
      const zeros = ordered(source[group * words + word]!);
      target[word * groups + group] = zeroOffset === 1 ? incrementNibbles(zeros) : zeros;
    }
  }
  return new Uint8Array(target.buffer);
}

/** AWQ's order of eight nibbles -> lowest nibble = lowest row. */
function inRowOrder(word: number): number {
  let result = 0;
  for (let row = 0; row < 8; row++) result |= ((word >>> AWQ_SHIFT[row]!) & 15) << (4 * row);
  return result;
}

/** Each of eight nibbles + 1, modulo 16: even and odd ones apart, so that carries fall into the gaps. */
function incrementNibbles(word: number): number {
  const even = ((word & 0x0f0f0f0f) + 0x01010101) & 0x0f0f0f0f;
  const odd = (((word >>> 4) & 0x0f0f0f0f) + 0x01010101) & 0x0f0f0f0f;
  return even | (odd << 4);
}

/** High and low nibble of every byte change places, in place: NF4 has the high one first, the kernels the low one. */
export function swapNibbles(bytes: Uint8Array): void {
  const first = Math.min(bytes.length, -bytes.byteOffset & 3);
  const end = first + ((bytes.length - first) & ~3);
  swapBytes(bytes.subarray(0, first));
  swapBytes(bytes.subarray(end));
  if (first === end) return; // not one aligned word, so that no array of words could be laid over it
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + first, (end - first) >> 2);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    words[i] = ((word & 0x0f0f0f0f) << 4) | ((word >>> 4) & 0x0f0f0f0f);
  }
}

function swapBytes(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i]! << 4) | (bytes[i]! >>> 4);
}

/** Scales f32 [rows, groups], each row divided by its element of `divisor` [rows], rounded to f32. */
export function divideRows(scales: Float32Array, divisor: Float32Array): Float32Array<ArrayBuffer> {
  const groups = scales.length / divisor.length;
  const result = new Float32Array(scales.length);
  for (let row = 0; row < divisor.length; row++) {
    for (let at = row * groups; at < (row + 1) * groups; at++) result[at] = scales[at]! / divisor[row]!;
  }
  return result;
}

/**
 * The group of each column, u32 [cols], of a stored I32 `g_idx`. All -1 means that the columns are in their natural order.
 * Throws `checkpoint_invalid` for a group that is not there: a kernel would read past the scales.
 * @param tensor name for the message
 */
export function groupOfColumns(
  bytes: Uint8Array,
  { cols, groupSize, tensor }: { cols: number; groupSize: number; tensor: string },
): Uint32Array<ArrayBuffer> {
  checkLength(bytes, cols * 4);
  const groups = cols / groupSize;
  const stored = u32(bytes);
  if (stored.every((group) => group === 0xffffffff)) {
    return Uint32Array.from({ length: cols }, (_, col) => Math.floor(col / groupSize));
  }
  const wrong = stored.findIndex((group) => group >= groups);
  if (wrong < 0) return stored.slice();
  throw new OutriderError(
    'checkpoint_invalid',
    `"${tensor}" puts column ${wrong} into group ${stored[wrong]! | 0}, but there are ${groups}. Download the file again.`,
    { details: { tensor, column: wrong, groups } },
  );
}

function u16(bytes: Uint8Array): Uint16Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = aligned(bytes, 2);
  return new Uint16Array(buffer, byteOffset, length >> 1);
}

function u32(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = aligned(bytes, 4);
  return new Uint32Array(buffer, byteOffset, length >> 2);
}

/** Typed arrays need aligned offsets; a piece of a network stream can begin anywhere. */
function aligned(bytes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  return (bytes.byteOffset % width === 0 ? bytes : bytes.slice()) as Uint8Array<ArrayBuffer>;
}

function checkLength({ length }: Uint8Array, expected: number): void {
  if (length !== expected) throw new RangeError(`${length} bytes where ${expected} are to be re-ordered`);
}
