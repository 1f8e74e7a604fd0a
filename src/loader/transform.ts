/** Small tensors that reach the GPU in another form than the file's: scales, zero points. */
import type { Tensor } from '../checkpoint/tensor.ts';
import { OutriderError } from '../errors.ts';
import { bytesOf } from '../kernels/blob-layout.ts';
import type { FloatDtype } from '../kernels/matrix.ts';
import { type Conversion, type Job, sidesOf } from '../model/layout/jobs.ts';
import { assertFinite } from '../quant/finite.ts';
import { widenToF32 } from '../quant/float.ts';
import { checkNf4Code, checkQuantState, nf4Absmax, parseQuantState } from '../quant/nf4.ts';
import { divideRows, groupOfColumns, int4ZeroPoints, transposeBytes } from '../quant/relayout.ts';
import type { ModelSource, ReadOptions } from '../storage/source.ts';
import { type Bytes, bytesIn, finiteFloats } from './sinks.ts';

/** Tensors of a few bytes, that neighbours need to be decoded. Read together where they lie together. */
export class SideTensors {
  readonly #bytes: ReadonlyMap<string, Bytes>;

  private constructor(bytes: ReadonlyMap<string, Bytes>) {
    this.#bytes = bytes;
  }

  static async read(source: ModelSource, jobs: readonly Job[], options: ReadOptions): Promise<SideTensors> {
    const tensors = new Map<string, Tensor>();
    for (const job of jobs) {
      for (const tensor of sidesOf(job)) tensors.set(keyOf(tensor), tensor);
    }
    const bytes = new Map<string, Bytes>();
    for (const run of neighbours([...tensors.values()])) {
      const { file, start } = run[0]!;
      const read = await source.read(file, start, Math.max(...run.map(({ end }) => end)), options);
      for (const tensor of run) bytes.set(keyOf(tensor), read.slice(tensor.start - start, tensor.end - start));
    }
    return new SideTensors(bytes);
  }

  /** Finite floats as f32. */
  floats(tensor: Tensor): Float32Array<ArrayBuffer> {
    return finiteFloats(this.bytes(tensor), tensor.dtype as FloatDtype, tensor.name);
  }

  bytes(tensor: Tensor): Bytes {
    return this.#bytes.get(keyOf(tensor))!;
  }
}

const keyOf = ({ file, start, end }: Tensor) => `${file} ${start} ${end}`;

/** Runs that one small request each reads. */
function neighbours(tensors: readonly Tensor[]): Tensor[][] {
  const [maxGap, maxBytes] = [64 << 10, 4 << 20];
  const sorted = [...tensors].sort((a, b) => (a.file === b.file ? a.start - b.start : a.file < b.file ? -1 : 1));
  const runs: Tensor[][] = [];
  for (const tensor of sorted) {
    const run = runs.at(-1);
    const [first, last] = [run?.[0], run?.at(-1)];
    const near =
      first?.file === tensor.file && tensor.start - last!.end <= maxGap && tensor.end - first.start <= maxBytes;
    if (near) run!.push(tensor);
    else runs.push([tensor]);
  }
  return runs;
}

/**
 * @param bytes the whole tensor
 * @param name of the tensor, for messages
 */
export function transform(how: Conversion, bytes: Bytes, name: string, side: SideTensors): Bytes {
  switch (how.kind) {
    case 'scales':
      return scalesByRow(how, bytes, name, side);
    case 'zero-points':
      return int4ZeroPoints(bytes, how.groups, how.rows, how.packing, how.zeroOffset);
    case 'repeated-scales':
      return repeatedScales(how, bytes, name);
    case 'groups':
      return bytesIn(groupOfColumns(bytes, { ...how, tensor: name }));
    case 'fill':
      return bytesIn(new Float32Array(how.rows).fill(globalScale(how.reciprocal, bytes, name)));
    case 'absmax':
      return bytesIn(absmax(how, bytes, name, side));
  }
}

function scalesByRow(
  { from, to, rows, groups, transposed, divisor }: Conversion & { kind: 'scales' },
  bytes: Bytes,
  name: string,
  side: SideTensors,
): Bytes {
  assertFinite(bytes, from, name);
  const byRow = transposed ? transposeBytes(bytes, groups, rows, bytesOf(from)) : bytes;
  if (from === to && !divisor) return byRow;
  const scales = widenToF32(byRow, from);
  if (!divisor) return bytesIn(scales);
  const divided = bytesIn(divideRows(scales, side.floats(divisor)));
  assertFinite(divided, 'F32', `${name} / ${divisor.name}`);
  return divided;
}

function repeatedScales(
  { from, rows, groups, blockRows }: Conversion & { kind: 'repeated-scales' },
  bytes: Bytes,
  name: string,
): Bytes {
  assertFinite(bytes, from, name);
  const rowBytes = groups * bytesOf(from);
  const repeated = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row++) {
    const at = Math.floor(row / blockRows) * rowBytes;
    repeated.set(bytes.subarray(at, at + rowBytes), row * rowBytes);
  }
  return repeated;
}

function globalScale(reciprocal: boolean, bytes: Bytes, name: string): number {
  const [value] = finiteFloats(bytes, 'F32', name);
  if (!reciprocal) return value!;
  if (Number.isFinite(Math.fround(1 / value!))) return 1 / value!;
  throw damaged(name, `is ${value}, and weights would be divided by it`);
}

function absmax(
  { rows, cols, quantMap, quantState, nested }: Conversion & { kind: 'absmax' },
  bytes: Bytes,
  name: string,
  side: SideTensors,
): Float32Array<ArrayBuffer> {
  checkNf4Code(side.floats(quantMap));
  const state = parseQuantState(side.bytes(quantState));
  checkQuantState(state, { rows, cols, nested: nested !== undefined, tensor: quantState.name });
  if (!nested) return finiteFloats(bytes, 'F32', name);
  return nf4Absmax(bytes, {
    absmax: side.floats(nested.absmax),
    quantMap: side.floats(nested.quantMap),
    offset: state.nestedOffset ?? 0,
    firstBlock: nested.first,
  });
}

function damaged(name: string, what: string): OutriderError {
  const message = `"${name}" ${what}. The checkpoint is damaged or of an unknown kind: download or convert it again.`;
  return new OutriderError('checkpoint_invalid', message, { details: { tensor: name } });
}
