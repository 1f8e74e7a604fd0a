/** Buffers in memory that pieces are written to; bands are turned and quantized as the shaders say that they do. */

import { FLOAT_CODE, type FloatDtype } from '../../src/kernels/matrix.ts';
import type { BandDispatch } from '../../src/kernels/transpose.ts';
import type { BufferPlan } from '../../src/model/layout/layout.ts';
import type { Piece, Write } from '../../src/model/pieces.ts';
import { f32ToBf16 } from '../../src/quant/float.ts';
import { quantizeInt4 } from '../../src/quant/int4.ts';
import { quantizeAffine } from '../../src/quant/quantize-affine.ts';
import { decodeFloat } from '../../src/reference/stored.ts';

type BandWrite = Write & { readonly kind: 'band' };
type Params = Readonly<Record<string, number>>;

export class FakeGpu {
  readonly buffers: readonly Uint32Array<ArrayBuffer>[];

  /** What nobody writes keeps odd bits. */
  constructor(plans: readonly BufferPlan[]) {
    this.buffers = plans.map(({ size }) => new Uint32Array(size / 4).fill(0xa5a5a5a5));
  }

  /** As a piece that crossed to another thread: nobody else may touch its bytes from now on. */
  take(piece: Piece): void {
    const { blobs, writes } = structuredClone(piece, { transfer: [...new Set(piece.blobs)] });
    for (const write of writes) {
      const { at, length } = write;
      const blob = blobs[write.blob]!;
      if (length % 4 !== 0 || at + length > blob.byteLength)
        throw new RangeError(`[${at}, ${at + length}) of a blob of ${blob.byteLength} bytes`);
      const bytes = new Uint8Array(blob, at, length);
      if (write.kind === 'band') this.#band(write, new Uint32Array(bytes.slice().buffer));
      else this.#copy(write.buffer, write.offset, bytes);
    }
  }

  #copy(buffer: number, offset: number, bytes: Uint8Array): void {
    const target = new Uint8Array(this.buffers[buffer]!.buffer);
    if (offset % 4 !== 0 || offset + bytes.length > target.length)
      throw new RangeError(`[${offset}, ${offset + bytes.length}) of a buffer of ${target.length} bytes`);
    target.set(bytes, offset);
  }

  #band({ targets }: BandWrite, band: Uint32Array): void {
    for (const { buffer, dispatch } of targets) {
      const { name } = dispatch.variant.kernel;
      (name === 'transpose' ? transpose : quantize)(dispatch, band, this.buffers[buffer]!);
    }
  }
}

/** shaders/transpose.wgsl, element by element. */
function transpose({ variant, params, grid }: BandDispatch, band: Uint32Array, matrix: Uint32Array): void {
  const { in_cols, source_cols, first_out, out_rows, first_row, matrix_at } = params as Params;
  const bits = variant.overrides.BITS!;
  const rows = (grid[1] * 32) / bits;
  for (let k = 0; k < rows; k++) {
    for (let o = 0; o < out_rows!; o++) {
      const value = field(band, 0, k * source_cols! + first_out! + o, bits, bits === 4);
      setField(matrix, matrix_at!, o * in_cols! + first_row! + k, bits, value);
    }
  }
}

/** shaders/quantize.wgsl, group by group, by the codecs on the CPU. */
function quantize({ variant, params, grid }: BandDispatch, band: Uint32Array, matrix: Uint32Array): void {
  const p = params as Params;
  const {
    BITS: bits,
    GROUP_SIZE: groupSize,
    ELEMENT,
  } = variant.overrides as Record<'BITS' | 'GROUP_SIZE' | 'ELEMENT', number>;
  const [from] = Object.entries(FLOAT_CODE).find(([, code]) => code === ELEMENT)! as [FloatDtype, number];
  const dims = { rows: 1, cols: groupSize, groupSize };
  const perWord = 32 / bits;
  for (let o = 0; o < p.out_rows!; o++) {
    for (let g = 0; g < grid[1]; g++) {
      const first = p.source_at! + o * p.out_stride! + g * groupSize * p.in_stride!;
      const weights = new Float32Array(groupSize).map((_, i) => decodeFloat(band, first + i * p.in_stride!, from));
      const { packed, scales, biases } =
        bits === 8
          ? quantizeAffine(weights, dims)
          : { ...quantizeInt4(weights, { ...dims, symmetric: true, scaleDtype: 'BF16' }), biases: undefined };
      const group = (p.first_row! + o) * (p.in_cols! / groupSize) + p.first_group! + g;
      matrix.set(packed, p.words_at! + (group * groupSize) / perWord);
      setField(matrix, p.scales_at!, group, 16, f32ToBf16(scales[0]!));
      if (biases) setField(matrix, p.biases_at!, group, 16, f32ToBf16(biases[0]!));
    }
  }
}

/** Where column c of eight lies in AWQ's word. */
const AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7];

function field(words: Uint32Array, from: number, index: number, bits: number, isAwq: boolean): number {
  const perWord = 32 / bits;
  const place = isAwq ? AWQ_PLACES[index % 8]! : index % perWord;
  return (words[from + Math.floor(index / perWord)]! >>> (bits * place)) & (2 ** bits - 1);
}

function setField(words: Uint32Array, from: number, index: number, bits: number, value: number): void {
  const perWord = 32 / bits;
  const shift = bits * (index % perWord);
  const at = from + Math.floor(index / perWord);
  if (at >= words.length) throw new RangeError(`word ${at} of a buffer of ${words.length}`);
  const mask = bits === 32 ? 0xffffffff : (2 ** bits - 1) << shift;
  words[at] = (words[at]! & ~mask) | (value << shift);
}
