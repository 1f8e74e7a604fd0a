/**
 * Carries out a layout's jobs: streams the files in order and cuts what comes into pieces for the GPU. Bytes that go as they
 * are are never copied here: the source's own buffer travels on, with a list of what in it belongs where.
 */
import { DTYPE_BYTES } from '../checkpoint/tensor.ts';
import { OutriderError } from '../errors.ts';
import { quantizeBand } from '../kernels/quantize.ts';
import { transposeBand } from '../kernels/transpose.ts';
import { type BandJob, type DirectJob, endOf, type Job, startOf, type WholeJob } from '../model/layout/jobs.ts';
import { bandRows } from '../model/memory/staging.ts';
import type { Piece, Write } from '../model/pieces.ts';
import { assertFinite } from '../quant/finite.ts';
import { swapNibbles } from '../quant/relayout.ts';
import { recyclePart } from '../storage/parts.ts';
import { type ModelSource, type ReadOptions, throwIfAborted } from '../storage/source.ts';
import { SideTensors, transform } from './transform.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** One request reads on through gaps up to this (alignment, a vision tensor) rather than begin another. */
const MAX_GAP_BYTES = 256 << 10;

export interface PieceOptions extends ReadOptions {
  /** Read every file from end to end: what is cached is cached whole. */
  readonly wholeFiles?: boolean;
}

/** Each piece is the consumer's until it asks for the next. Throws what the source throws, and `checkpoint_invalid` for weights that cannot be right. */
export async function* readPieces(
  source: ModelSource,
  jobs: readonly Job[],
  options: PieceOptions = {},
): AsyncGenerator<Piece, void, undefined> {
  let loaded = 0;
  for (const run of runsOf(jobs, options.wholeFiles ? Number.POSITIVE_INFINITY : MAX_GAP_BYTES)) {
    const { file } = run[0]!.tensor;
    const side = await SideTensors.read(source, run, options);
    const start = startOf(run[0]!);
    const end = Math.max(...run.map(endOf));
    const open: Sink[] = [];
    let next = 0;
    let position = start;
    for await (const bytes of source.stream(file, start, end, options)) {
      throwIfAborted(options.signal);
      const pieceEnd = position + bytes.length;
      for (; next < run.length && startOf(run[next]!) < pieceEnd; next++) open.push(openSink(run[next]!, side));
      const output = new Output(bytes);
      for (let i = 0; i < open.length; ) {
        const sink = open[i]!;
        const from = Math.max(sink.start, position);
        const to = Math.min(sink.end, pieceEnd);
        sink.feed(output, from - position, to - from, from - sink.start);
        loaded += to - from;
        if (to === sink.end) open.splice(i, 1);
        else i++;
      }
      position = pieceEnd;
      yield { blobs: output.blobs, writes: output.writes, loaded, file };
      recyclePart(bytes.buffer); // unless it was transferred
    }
    if (position < end) throw endedEarly(file, position, end);
  }
}

/** Jobs in file order, in runs that one stream each reads. */
function runsOf(jobs: readonly Job[], maxGap: number): Job[][] {
  const byFile = (a: Job, b: Job): number => (a.tensor.file < b.tensor.file ? -1 : 1);
  const sorted = jobs
    .filter((job) => endOf(job) > startOf(job))
    .sort((a, b) => (a.tensor.file === b.tensor.file ? startOf(a) - startOf(b) : byFile(a, b)));
  const runs: Job[][] = [];
  let reached = 0;
  for (const job of sorted) {
    const run = runs.at(-1);
    if (run && run[0]!.tensor.file === job.tensor.file && startOf(job) - reached <= maxGap) {
      run.push(job);
      reached = Math.max(reached, endOf(job));
    } else {
      runs.push([job]);
      reached = endOf(job);
    }
  }
  return runs;
}

/** A piece in the making. Blob 0 is the source's own buffer. */
class Output {
  readonly blobs: ArrayBuffer[];
  readonly writes: Write[] = [];
  readonly bytes: Bytes;

  constructor(bytes: Bytes) {
    this.bytes = bytes;
    this.blobs = [bytes.buffer];
  }

  /** Bytes of the source's buffer; `at` from the beginning of the piece. */
  direct(buffer: number, offset: number, at: number, length: number): void {
    this.writes.push({ kind: 'copy', buffer, offset, blob: 0, at: this.bytes.byteOffset + at, length });
  }

  /** Bytes of our own, which are handed over. */
  add(bytes: Bytes): number {
    return this.blobs.push(bytes.buffer) - 1;
  }
}

/** Takes the bytes of one job as they come. */
interface Sink {
  /** In the file. */
  readonly start: number;
  readonly end: number;
  /** @param at of the output's bytes @param done bytes of the job that came before */
  feed(output: Output, at: number, length: number, done: number): void;
}

function openSink(job: Job, side: SideTensors): Sink {
  if (job.kind === 'direct') return new DirectSink(job);
  return job.kind === 'whole' ? new WholeSink(job, side) : new BandSink(job);
}

/** WebGPU writes multiples of 4, so up to three bytes wait for the next piece; blobs leave room for zeros at their end. */
class DirectSink implements Sink {
  readonly start: number;
  readonly end: number;
  readonly #job: DirectJob;
  readonly #word = new Uint8Array(4);
  #waiting = 0;

  constructor(job: DirectJob) {
    this.#job = job;
    this.start = startOf(job);
    this.end = endOf(job);
  }

  feed(output: Output, at: number, length: number, done: number): void {
    let from = at;
    const end = at + length;
    const isLast = done + length === this.end - this.start;
    if (this.#waiting > 0) {
      while (this.#waiting < 4 && from < end) this.#word[this.#waiting++] = output.bytes[from++]!;
      if (this.#waiting === 4) this.#emitWord(output, done + from - at);
    }
    const whole = (end - from) & ~3;
    if (whole > 0) {
      this.#prepare(output.bytes.subarray(from, from + whole), done + from - at);
      output.direct(this.#job.buffer, this.#job.offset + done + from - at, from, whole);
      from += whole;
    }
    while (from < end) this.#word[this.#waiting++] = output.bytes[from++]!;
    if (isLast && this.#waiting > 0) this.#emitWord(output, done + length);
  }

  /** @param done bytes of the job up to the end of the word */
  #emitWord(output: Output, done: number): void {
    const bytes = this.#word.slice();
    bytes.fill(0, this.#waiting);
    const first = done - this.#waiting;
    this.#prepare(bytes.subarray(0, this.#waiting), first);
    this.#waiting = 0;
    const { buffer, offset } = this.#job;
    output.writes.push({ kind: 'copy', buffer, offset: offset + first, blob: output.add(bytes), at: 0, length: 4 });
  }

  #prepare(bytes: Bytes, first: number): void {
    const { how, tensor, start } = this.#job;
    if (how === 'copy') return;
    if (how === 'swap') swapNibbles(bytes);
    else assertFinite(bytes, how, tensor.name, (start + first) / DTYPE_BYTES[how]);
  }
}

class WholeSink implements Sink {
  readonly start: number;
  readonly end: number;
  readonly #job: WholeJob;
  readonly #side: SideTensors;
  readonly #bytes: Bytes;

  constructor(job: WholeJob, side: SideTensors) {
    this.#job = job;
    this.#side = side;
    this.start = startOf(job);
    this.end = endOf(job);
    this.#bytes = new Uint8Array(this.end - this.start);
  }

  feed(output: Output, at: number, length: number, done: number): void {
    this.#bytes.set(output.bytes.subarray(at, at + length), done);
    if (done + length < this.#bytes.length) return;
    const { tensor, targets } = this.#job;
    const result = transform(this.#job.transform, this.#bytes, tensor.name, this.#side);
    const padded = new Uint8Array(Math.ceil(result.length / 4) * 4 + 4);
    padded.set(result);
    const blob = output.add(padded);
    for (const { buffer, offset, start, end } of targets) {
      output.writes.push({ kind: 'copy', buffer, offset, blob, at: start, length: Math.ceil((end - start) / 4) * 4 });
    }
  }
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

function endedEarly(file: string, position: number, end: number): OutriderError {
  const message = `${file}: the source ended at byte ${position}, ${end} were asked for. Try again.`;
  return new OutriderError('network_error', message, { details: { file, position, end } });
}
