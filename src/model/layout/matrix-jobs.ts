/** Jobs of every kind of matrix, one function each: what is re-ordered, quantized or decoded on its way to the GPU, too. */
import type {
  AffineMatrix,
  FloatMatrix,
  Fp8Matrix,
  Int4Matrix,
  Matrix,
  Nf4Matrix,
  Nvfp4Matrix,
} from '../../checkpoint/model-tensors.ts';
import type { Tensor } from '../../checkpoint/tensor.ts';
import { OutriderError } from '../../errors.ts';
import { bytesOf } from '../../kernels/blob-layout.ts';
import type { FloatDtype, Storage } from '../../kernels/matrix.ts';
import { bandRows, MAX_BAND_BYTES } from '../memory/staging.ts';
import type { BandJob, BandTarget, ScaleDtype, Transform } from './jobs.ts';
import { eighths, PlainJobs, type Run, rowAt, type Section, sectionAt } from './plain-jobs.ts';

export class MatrixJobs extends PlainJobs {
  protected override matrix(matrix: Matrix, run: Run): void {
    switch (matrix.kind) {
      case 'float':
        this.#float(matrix, run);
        break;
      case 'int4':
        this.#int4(matrix, run);
        break;
      case 'affine':
        this.#affine(matrix, run);
        break;
      case 'fp8':
        this.#fp8(matrix, run);
        break;
      case 'nvfp4':
        this.#nvfp4(matrix, run);
        break;
      case 'nf4':
        this.#nf4(matrix, run);
        break;
    }
  }

  #float({ weight, dtype, rows, cols, transposed }: FloatMatrix, run: Run): void {
    const { storage } = run.blob;
    const width = bytesOf(dtype);
    if (storage.kind === 'float') {
      if (transposed) this.#transpose(weight, (8 * width) as 16 | 32, cols, rows, 'weights', run);
      else this.copyRows(weight, cols * width, 'weights', run);
      return;
    }
    if (storage.kind !== 'int4' && storage.kind !== 'affine') throw new Error(`floats in a ${storage.kind} blob`);
    const { groupSize } = storage;
    const bits = storage.kind === 'int4' ? 4 : storage.bits;
    const op = { kind: 'quantize', bits, from: dtype, groupSize, transposed, rows, cols } as const;
    const { layout } = run.blob;
    const target = { row: run.to, scalesAt: layout.scalesAt * 4, zerosAt: layout.zerosAt * 4 };
    const rowBytes = (transposed ? rows : cols) * width;
    const band = { rowBytes, rowStep: transposed ? groupSize : 1, finite: dtype, op };
    this.#band(weight, transposed ? 0 : run.first * rowBytes, band, run, 'weights', target);
  }

  #int4(matrix: Int4Matrix, run: Run): void {
    const { rows, cols, groupSize, packing, packed, scales, zeroPoints, zeroOffset, divisor } = matrix;
    const groups = cols / groupSize;
    const from = scales.dtype as FloatDtype;
    const to = (run.blob.storage as Storage & { kind: 'int4' }).scale;
    const transposed = packing !== 'compressed-tensors';
    if (packing === 'gptq') this.#transpose(packed, 32, cols / 8, rows, 'weights', run);
    else if (packing === 'awq') this.#transpose(packed, 4, cols, rows, 'weights', run);
    else this.copyRows(packed, cols / 2, 'weights', run);
    if (transposed || divisor || from !== to) {
      const transform = { kind: 'scales', from, to, rows, groups, transposed, divisor } as const;
      this.#wholeRows(scales, transform, groups * bytesOf(to), 'scales', run);
    } else this.copyRows(scales, groups * bytesOf(to), 'scales', run, from);
    if (!zeroPoints) return;
    if (packing === 'compressed-tensors') this.copyRows(zeroPoints, groups * 4, 'zeros', eighths(run));
    else {
      const transform = { kind: 'zero-points', packing, rows, groups, zeroOffset } as const;
      this.#wholeRows(zeroPoints, transform, groups * 4, 'zeros', eighths(run));
    }
  }

  #affine({ cols, bits, groupSize, packed, scales, biases }: AffineMatrix, run: Run): void {
    const dtype = scales.dtype as FloatDtype;
    const scaleRow = (cols / groupSize) * bytesOf(dtype);
    this.copyRows(packed, (cols * bits) / 8, 'weights', run);
    this.copyRows(scales, scaleRow, 'scales', run, dtype);
    this.copyRows(biases, scaleRow, 'zeros', run, dtype);
  }

  #fp8({ rows, cols, weight, scales, block }: Fp8Matrix, run: Run): void {
    const from = scales.dtype as FloatDtype;
    const groups = Math.ceil(cols / block.cols);
    this.copyRows(weight, cols, 'weights', run);
    if (block.rows === 1) this.copyRows(scales, groups * bytesOf(from), 'scales', run, from);
    else {
      const transform = { kind: 'repeated-scales', from, rows, groups, blockRows: block.rows } as const;
      this.#wholeRows(scales, transform, groups * bytesOf(from), 'scales', run);
    }
  }

  #nvfp4({ rows, cols, packed, scales, globalScale, divides, transposed }: Nvfp4Matrix, run: Run): void {
    if (transposed) {
      this.#transpose(packed, 8, cols / 2, rows, 'weights', run);
      this.#transpose(scales, 8, cols / 16, rows, 'scales', run, 'F8_E4M3');
    } else {
      this.copyRows(packed, cols / 2, 'weights', run);
      this.copyRows(scales, cols / 16, 'scales', run, 'F8_E4M3');
    }
    this.#wholeRows(globalScale, { kind: 'fill', rows, reciprocal: divides }, 4, 'zeros', run);
  }

  #nf4({ rows, cols, packed, absmax, quantMap, quantState, nested }: Nf4Matrix, run: Run): void {
    this.copyRows(packed, cols / 2, 'weights', run, 'swap');
    const transform = { kind: 'absmax', rows, cols, quantMap, quantState, nested } as const;
    this.#wholeRows(absmax, transform, cols / 16, 'scales', run);
  }

  // ---- what the kinds above are made of

  #wholeRows(tensor: Tensor, transform: Transform, rowBytes: number, section: Section, run: Run): void {
    const { blob, first, count, to } = run;
    const offset = rowAt(blob, section, rowBytes, to);
    const [start, end] = [first * rowBytes, (first + count) * rowBytes];
    this.whole(tensor, transform, { buffer: blob.buffer, offset, start, end });
  }

  /** @param inCols elements of `bits` in a row of the result */
  #transpose(
    tensor: Tensor,
    bits: 4 | 8 | 16 | 32,
    inCols: number,
    sourceCols: number,
    section: Section,
    run: Run,
    finite?: ScaleDtype,
  ): void {
    const perWord = 32 / bits;
    if (inCols % perWord !== 0 || sourceCols % perWord !== 0) throw partsOfWords(tensor, inCols, sourceCols, perWord);
    const op = { kind: 'transpose', bits, inCols, sourceCols } as const;
    const band = { rowBytes: (sourceCols * bits) / 8, rowStep: perWord, finite, op };
    this.#band(tensor, 0, band, run, section, { row: run.to });
  }

  #band(
    tensor: Tensor,
    start: number,
    band: Pick<BandJob, 'rowBytes' | 'rowStep' | 'finite' | 'op'>,
    run: Run,
    section: Section,
    place: Pick<BandTarget, 'row' | 'scalesAt' | 'zerosAt'>,
  ): void {
    const { blob, first, count } = run;
    const { op, rowBytes } = band;
    const bytes = bandRows(band) * rowBytes;
    if (bytes > MAX_BAND_BYTES) throw rowsTooLong(tensor, bytes);
    const target = { buffer: blob.buffer, offset: sectionAt(blob, section), firstOut: first, outRows: count, ...place };
    const rowMajor = op.kind === 'quantize' && !op.transposed;
    const end = rowMajor ? start + count * rowBytes : tensor.end - tensor.start;
    const key = `${tensor.file} ${tensor.start + start} ${end} ${JSON.stringify(op)}`;
    this.share(key, { kind: 'band', tensor, start, end, ...band, targets: [target] });
  }
}

function partsOfWords(tensor: Tensor, inCols: number, sourceCols: number, perWord: number): OutriderError {
  const message = `"${tensor.name}" lies transposed as [${inCols}, ${sourceCols}]; read are multiples of ${perWord}. Take a checkpoint in another format.`;
  return new OutriderError('quantization_unsupported', message, { details: { tensor: tensor.name } });
}

function rowsTooLong({ name }: Tensor, bytes: number): OutriderError {
  const message = `"${name}": a band of its rows has ${bytes} bytes; at most ${MAX_BAND_BYTES} are staged. Convert the checkpoint with "npm run convert".`;
  return new OutriderError('model_too_large', message, { details: { tensor: name, bytes, maxBytes: MAX_BAND_BYTES } });
}
