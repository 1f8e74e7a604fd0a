/** What takes the bytes of jobs as they come: as they are, or floats to f32. */
import { DTYPE_BYTES } from '../checkpoint/tensor.ts';
import type { FloatDtype } from '../kernels/matrix.ts';
import {
  type DirectJob,
  endOf,
  type Job,
  startOf,
  type WholeJob,
  type WholeJobOf,
  type Widening,
} from '../model/layout/jobs.ts';
import type { Write } from '../model/pieces.ts';
import { assertFinite } from '../quant/finite.ts';
import { widenToF32 } from '../quant/float.ts';

export type Bytes = Uint8Array<ArrayBuffer>;

/** A job whose bytes are copied, or widened to f32. */
export type PlainJob = (DirectJob & { readonly how: Exclude<DirectJob['how'], 'swap'> }) | WholeJobOf<Widening>;

export function isPlain(job: Job): job is PlainJob {
  return job.kind === 'direct' ? job.how !== 'swap' : job.kind === 'whole' && job.transform.kind === 'widen';
}

export function openPlain(job: PlainJob): Sink {
  if (job.kind === 'direct') return new DirectSink(job);
  const { transform, tensor } = job;
  return new WholeSink(job, (bytes) => bytesIn(finiteFloats(bytes, transform.from, tensor.name)));
}

/** As f32. Throws `checkpoint_invalid` where one is not finite. */
export function finiteFloats(bytes: Bytes, from: FloatDtype, name: string): Float32Array<ArrayBuffer> {
  assertFinite(bytes, from, name);
  return widenToF32(bytes, from);
}

export function bytesIn(values: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): Bytes {
  return new Uint8Array(values.buffer);
}

/** A piece in the making. Blob 0 is the source's own buffer. */
export class Output {
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
export interface Sink {
  /** In the file. */
  readonly start: number;
  readonly end: number;
  /** @param at of the output's bytes @param done bytes of the job that came before */
  feed(output: Output, at: number, length: number, done: number): void;
}

/** WebGPU writes multiples of 4, so up to three bytes wait for the next piece; blobs leave room for zeros at their end. */
export class DirectSink implements Sink {
  readonly start: number;
  readonly end: number;
  readonly #job: DirectJob;
  readonly #change: ((bytes: Bytes) => void) | undefined;
  readonly #word = new Uint8Array(4);
  #waiting = 0;

  /** @param change turns any run of bytes into what goes to the GPU, in place */
  constructor(job: DirectJob, change?: (bytes: Bytes) => void) {
    this.#job = job;
    this.#change = change;
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
    this.#change?.(bytes);
    if (how !== 'copy' && how !== 'swap') assertFinite(bytes, how, tensor.name, (start + first) / DTYPE_BYTES[how]);
  }
}

export class WholeSink implements Sink {
  readonly start: number;
  readonly end: number;
  readonly #job: WholeJob;
  readonly #change: (bytes: Bytes) => Bytes;
  readonly #bytes: Bytes;

  constructor(job: WholeJob, change: (bytes: Bytes) => Bytes) {
    this.#job = job;
    this.#change = change;
    this.start = startOf(job);
    this.end = endOf(job);
    this.#bytes = new Uint8Array(this.end - this.start);
  }

  feed(output: Output, at: number, length: number, done: number): void {
    this.#bytes.set(output.bytes.subarray(at, at + length), done);
    if (done + length < this.#bytes.length) return;
    const result = this.#change(this.#bytes);
    const padded = new Uint8Array(Math.ceil(result.length / 4) * 4 + 4);
    padded.set(result);
    const blob = output.add(padded);
    for (const { buffer, offset, start, end } of this.#job.targets) {
      output.writes.push({ kind: 'copy', buffer, offset, blob, at: start, length: Math.ceil((end - start) / 4) * 4 });
    }
  }
}
