/** Jobs that turn tensors into something else: re-ordered, quantized, decoded. Loaded for the models that have some. */
import { DTYPE_BYTES } from '../checkpoint/tensor.ts';
import { quantizeBand } from '../kernels/quantize.ts';
import { transposeBand } from '../kernels/transpose.ts';
import { type BandJob, endOf, type Job, startOf } from '../model/layout/jobs.ts';
import { bandRows } from '../model/memory/staging.ts';
import { assertFinite } from '../quant/finite.ts';
import { swapNibbles } from '../quant/relayout.ts';
import type { ModelSource, ReadOptions } from '../storage/source.ts';
import { type Bytes, DirectSink, isPlain, type Output, openPlain, type Sink, WholeSink } from './sinks.ts';
import { SideTensors, transform } from './transform.ts';

/** Reads what a run's jobs look up, and gives what opens the sink of each. */
export async function openersOf(
  run: readonly Job[],
  source: ModelSource,
  options: ReadOptions,
): Promise<(() => Sink)[]> {
  const side = await SideTensors.read(source, run, options);
  return run.map((job) => () => {
    if (isPlain(job)) return openPlain(job);
    if (job.kind === 'direct') return new DirectSink(job, swapNibbles);
    if (job.kind === 'band') return new BandSink(job);
    return new WholeSink(job, (bytes) => transform(job.transform, bytes, job.tensor.name, side));
  });
}

class BandSink implements Sink {
  readonly start: number;
  readonly end: number;
  readonly #job: BandJob;
  readonly #rows: number;
  #bytes: Bytes;
  #filled = 0;
  #firstRow: number;

  constructor(job: BandJob) {
    this.#job = job;
    this.#firstRow = job.start / job.rowBytes;
    this.start = startOf(job);
    this.end = endOf(job);
    this.#rows = bandRows(job);
    this.#bytes = this.#nextBand(0);
  }

  feed(output: Output, at: number, length: number, done: number): void {
    const end = at + length;
    for (let from = at; from < end; ) {
      const take = Math.min(end - from, this.#bytes.length - this.#filled);
      this.#bytes.set(output.bytes.subarray(from, from + take), this.#filled);
      this.#filled += take;
      from += take;
      if (this.#filled === this.#bytes.length) this.#emit(output, done + from - at);
    }
  }

  #emit(output: Output, done: number): void {
    const { op, targets, rowBytes, tensor, finite } = this.#job;
    const rows = this.#bytes.length / rowBytes;
    if (finite) assertFinite(this.#bytes, finite, tensor.name, (this.#firstRow * rowBytes) / DTYPE_BYTES[finite]);
    const padded = this.#bytes.length % 4 === 0 ? this.#bytes : new Uint8Array(Math.ceil(this.#bytes.length / 4) * 4);
    if (padded !== this.#bytes) padded.set(this.#bytes);
    const band = { firstRow: this.#firstRow, rows };
    const dispatches = targets.map((target) => ({
      buffer: target.buffer,
      dispatch: op.kind === 'transpose' ? transposeBand(op, band, target) : quantizeBand(op, band, target),
    }));
    output.writes.push({
      kind: 'band',
      targets: dispatches.filter(({ dispatch }) => dispatch.grid[0] > 0),
      blob: output.add(padded),
      at: 0,
      length: padded.length,
    });
    this.#firstRow += rows;
    this.#filled = 0;
    this.#bytes = this.#nextBand(done);
  }

  #nextBand(done: number): Bytes {
    return new Uint8Array(Math.min(this.end - this.start - done, this.#rows * this.#job.rowBytes));
  }
}
