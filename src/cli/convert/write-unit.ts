/** Carries out one unit of the plan in bands, so that memory does not grow with the model. */
import type { FloatDtype } from '../../checkpoint/model-tensors.ts';
import { assertFinite } from '../../quant/finite.ts';
import { floatBytes, narrowFromF32, widenToF32 } from '../../quant/float.ts';
import { type Int4Weights, quantizeInt4 } from '../../quant/int4.ts';
import type { ModelSource, ReadOptions } from '../../storage/source.ts';
import { floatDtype, type Part, type Unit } from './plan.ts';

/** Source bytes that are worked on at once; the f32 copies take a few times as much. */
const BAND_BYTES = 8 << 20;

/** Writes bytes into an output tensor, `offset` bytes from its start. */
export type Write = (tensor: string, offset: number, bytes: Uint8Array) => Promise<void>;

export interface Job {
  readonly source: ModelSource;
  readonly write: Write;
  readonly groupSize: number;
  readonly options: ReadOptions;
}

export async function writeUnit(unit: Unit, job: Job): Promise<void> {
  if (unit.kind === 'copy') await copyTensor(unit, job);
  else if (unit.kind === 'linear') await quantizeLinear(unit, job);
  else await takeExpertApart(unit, job);
}

async function copyTensor({ source }: Unit, { source: from, write, options }: Job): Promise<void> {
  let offset = 0;
  for await (const piece of from.stream(source.file, source.start, source.end, options)) {
    await write(source.name, offset, piece);
    offset += piece.length;
  }
}

/** Rows are whole groups, so a band of rows is quantized alone and its results lie together. */
async function quantizeLinear({ source, part }: Unit & { kind: 'linear' }, job: Job): Promise<void> {
  const { module, rows, cols } = part;
  const dtype = floatDtype(source);
  const rowBytes = cols * floatBytes(dtype);
  const scaleRowBytes = (cols / job.groupSize) * floatBytes(dtype);
  const bandRows = Math.max(1, Math.floor(BAND_BYTES / rowBytes));
  for (let row = 0; row < rows; row += bandRows) {
    const count = Math.min(bandRows, rows - row);
    const start = source.start + row * rowBytes;
    const bytes = await job.source.read(source.file, start, start + count * rowBytes, job.options);
    assertFinite(bytes, dtype, source.name, row * cols);
    const { packed, scales } = quantize(widenToF32(bytes, dtype), count, cols, dtype, job);
    await job.write(`${module}.weight_packed`, (row * cols) / 2, new Uint8Array(packed.buffer));
    await job.write(`${module}.weight_scale`, row * scaleRowBytes, narrowFromF32(scales, dtype));
  }
  await writeShape(part, job);
}

function quantize(
  weights: Float32Array,
  rows: number,
  cols: number,
  dtype: FloatDtype,
  { groupSize }: Job,
): Int4Weights {
  return quantizeInt4(weights, { rows, cols, groupSize, symmetric: true, scaleDtype: dtype });
}

/** Writes [rows, cols], as compressed-tensors does: unpacking needs it for matrices that do not fill their words. */
async function writeShape({ module, rows, cols }: Part, { write }: Job): Promise<void> {
  await write(`${module}.weight_shape`, 0, new Uint8Array(BigInt64Array.of(BigInt(rows), BigInt(cols)).buffer));
}

/**
 * A fused expert is stored [in, out], so a band of its rows is a band of the outputs' columns: each band is transposed
 * and goes into output buffers of one expert's size, which are written at the end.
 */
async function takeExpertApart({ source, expert, parts }: Unit & { kind: 'expert' }, job: Job): Promise<void> {
  const [, inputs, width] = source.shape as [number, number, number];
  const dtype = floatDtype(source);
  const rowBytes = width * floatBytes(dtype);
  const bandRows = Math.max(1, Math.floor(BAND_BYTES / rowBytes / job.groupSize)) * job.groupSize;
  const collectors = parts.map((part) =>
    part.quantized ? new Int4Columns(part, dtype, job) : new FloatColumns(part, dtype),
  );
  for (let row = 0; row < inputs; row += bandRows) {
    const count = Math.min(bandRows, inputs - row);
    const firstRow = expert * inputs + row;
    const start = source.start + firstRow * rowBytes;
    const bytes = await job.source.read(source.file, start, start + count * rowBytes, job.options);
    assertFinite(bytes, dtype, source.name, firstRow * width);
    const band = widenToF32(bytes, dtype);
    for (const [i, part] of parts.entries()) collectors[i]!.add(transpose(band, count, width, part), row, count);
  }
  for (const collector of collectors) await collector.write(job);
}

/** [count, width] -> the part's [rows, count] */
function transpose(band: Float32Array, count: number, width: number, { rows, firstColumn }: Part): Float32Array {
  const result = new Float32Array(rows * count);
  for (let col = 0; col < count; col++) {
    const from = col * width + firstColumn;
    for (let row = 0; row < rows; row++) result[row * count + col] = band[from + row]!;
  }
  return result;
}

/** Gathers a quantized matrix from bands of columns. */
class Int4Columns {
  readonly #part: Part;
  readonly #dtype: FloatDtype;
  readonly #job: Job;
  readonly #packed: Uint32Array<ArrayBuffer>;
  readonly #scales: Float32Array<ArrayBuffer>;

  constructor(part: Part, dtype: FloatDtype, job: Job) {
    this.#part = part;
    this.#dtype = dtype;
    this.#job = job;
    this.#packed = new Uint32Array((part.rows * part.cols) / 8);
    this.#scales = new Float32Array((part.rows * part.cols) / job.groupSize);
  }

  /** @param weights [rows, count], columns col .. col + count - 1; both whole groups */
  add(weights: Float32Array, col: number, count: number): void {
    const { rows, cols } = this.#part;
    const { groupSize } = this.#job;
    const { packed, scales } = quantize(weights, rows, count, this.#dtype, this.#job);
    placeColumns(packed, this.#packed, { rows, from: count / 8, to: cols / 8, at: col / 8 });
    placeColumns(scales, this.#scales, { rows, from: count / groupSize, to: cols / groupSize, at: col / groupSize });
  }

  async write(job: Job): Promise<void> {
    const { module } = this.#part;
    await job.write(`${module}.weight_packed`, 0, new Uint8Array(this.#packed.buffer));
    await job.write(`${module}.weight_scale`, 0, narrowFromF32(this.#scales, this.#dtype));
    await writeShape(this.#part, job);
  }
}

/** Gathers a matrix that stays in floats from bands of columns. */
class FloatColumns {
  readonly #part: Part;
  readonly #dtype: FloatDtype;
  readonly #weights: Float32Array<ArrayBuffer>;

  constructor(part: Part, dtype: FloatDtype) {
    this.#part = part;
    this.#dtype = dtype;
    this.#weights = new Float32Array(part.rows * part.cols);
  }

  add(weights: Float32Array, col: number, count: number): void {
    const { rows, cols } = this.#part;
    placeColumns(weights, this.#weights, { rows, from: count, to: cols, at: col });
  }

  async write(job: Job): Promise<void> {
    await job.write(`${this.#part.module}.weight`, 0, narrowFromF32(this.#weights, this.#dtype));
  }
}

/** Copies [rows, from] into columns at .. at + from - 1 of [rows, to]. */
function placeColumns<T extends Uint32Array | Float32Array>(
  source: T,
  target: T,
  { rows, from, to, at }: { rows: number; from: number; to: number; at: number },
): void {
  for (let row = 0; row < rows; row++) target.set(source.subarray(row * from, (row + 1) * from), row * to + at);
}
