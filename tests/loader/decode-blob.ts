/** What a blob means, by the words of src/kernels/matrix.ts. */
import type { BlobLayout, Storage } from '../../src/kernels/matrix.ts';
import { E4M3 } from '../../src/quant/fp8.ts';
import { NF4_CODE } from '../../src/quant/nf4-code.ts';
import { E2M1 } from '../../src/quant/nvfp4.ts';
import { decodeFloat } from '../../src/reference/stored.ts';

export interface BlobShape {
  /** Gate and up together, where `paired`. */
  readonly rows: number;
  readonly cols: number;
  readonly paired: boolean;
}

/** f64 [rows, cols]. @param words of the blob, from its first on */
export function decodeBlob(
  words: Uint32Array,
  storage: Storage,
  layout: BlobLayout,
  { rows, cols, paired }: BlobShape,
): Float64Array {
  const scaleWords = words.subarray(layout.scalesAt);
  const zeroWords = words.subarray(layout.zerosAt);
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const scaleBytes = bytes.subarray(layout.scalesAt * 4);
  const nibble = (from: Uint32Array, at: number) => (from[at >> 3]! >>> (4 * (at & 7))) & 15;

  const weight = (row: number, col: number): number => {
    const at = row * cols + col;
    switch (storage.kind) {
      case 'float':
        return decodeFloat(words, at, storage.element);
      case 'nvfp4':
        return E2M1[nibble(words, at)]! * E4M3[scaleBytes[at >> 4]!]! * decodeFloat(zeroWords, row, 'F32');
      case 'nf4':
        return NF4_CODE[nibble(words, at)]! * decodeFloat(scaleWords, at >> 6, 'F32');
      case 'fp8':
        return E4M3[bytes[at]!]! * scaleOf(row, col);
      case 'affine': {
        const q = storage.bits === 8 ? bytes[at]! : nibble(words, at);
        return q * scaleOf(row, col) + decodeFloat(zeroWords, groupOf(row, col), storage.scale);
      }
      case 'int4': {
        const group = groupOf(row, col);
        const zero = (zeroWords[(row >> 3) * groups + (group % groups)]! >>> (4 * (row & 7))) & 15;
        return (nibble(words, at) - (storage.asymmetric ? zero : 8)) * scaleOf(row, col);
      }
    }
  };
  const grouped = 'groupSize' in storage ? storage : { groupSize: cols, scale: 'F32' as const };
  const groups = Math.ceil(cols / grouped.groupSize);
  const groupOf = (row: number, col: number): number => {
    const table = layout.orderAt + (paired && row >= rows / 2 ? cols : 0);
    const isOrdered = storage.kind === 'int4' && storage.ordered;
    return row * groups + (isOrdered ? words[table + col]! : Math.floor(col / grouped.groupSize));
  };
  const scaleOf = (row: number, col: number): number => decodeFloat(scaleWords, groupOf(row, col), grouped.scale);
  return new Float64Array(rows * cols).map((_, at) => weight(Math.floor(at / cols), at % cols));
}
