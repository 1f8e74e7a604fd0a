/**
 * Streams tensors from the source into GPU buffers. Neighbouring tensors share one request; bytes pass through one small
 * staging buffer; nothing ever holds a tensor, let alone a file, and the GPU's queue is waited for every few megabytes.
 */
import { OutriderError } from '../errors.ts';
import { type Pipeline, PipelineCache, packFields } from '../gpu/kernel.ts';
import { bytesOf } from '../kernels/matrix.ts';
import { transposeKernel } from '../kernels/transpose.ts';
import { plain } from '../kernels/variants.ts';
import { assertFinite } from '../quant/finite.ts';
import { widenToF32 } from '../quant/float.ts';
import type { ModelSource } from '../storage/source.ts';
import { throwIfAborted } from '../storage/source.ts';
import type { TransposeJob, UploadJob } from './weights.ts';

const STAGING_BYTES = 4 << 20;
/** Unfinished writes that WebGPU may hold copies of. */
const IN_FLIGHT_BYTES = 64 << 20;
/** One request reads on through gaps up to this (alignment, a vision tensor) rather than begin another. */
const MAX_GAP_BYTES = 256 << 10;
const MAX_RUN_BYTES = 256 << 20;

export interface UploadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of weights that have been handed to the GPU. */
  readonly onProgress?: ((loaded: number, file: string) => void) | undefined;
}

export async function uploadWeights(
  device: GPUDevice,
  source: ModelSource,
  jobs: readonly UploadJob[],
  options: UploadOptions = {},
): Promise<void> {
  const uploader = new Uploader(device);
  let loaded = 0;
  try {
    for (const run of runsOf(jobs)) {
      const file = run[0]!.tensor.file;
      let sink: Sink | undefined;
      let next = 0;
      let position = startOf(run[0]!);
      for await (const chunk of source.stream(file, position, endOf(run.at(-1)!), options)) {
        throwIfAborted(options.signal);
        let at = 0;
        while (at < chunk.length) {
          if (!sink) {
            const job = run[next]!;
            const gap = Math.min(startOf(job) - position, chunk.length - at);
            at += gap;
            position += gap;
            if (at === chunk.length) break;
            sink = await uploader.open(job);
          }
          const take = Math.min(chunk.length - at, endOf(run[next]!) - position);
          await sink.write(chunk.subarray(at, at + take));
          at += take;
          position += take;
          loaded += take;
          if (position < endOf(run[next]!)) continue;
          await sink.close();
          sink = undefined;
          next++;
        }
        options.onProgress?.(loaded, file);
      }
      if (next < run.length)
        throw new OutriderError(
          'network_error',
          `${file}: the source ended at byte ${position}, ${endOf(run.at(-1)!)} were asked for. Try again.`,
          { details: { file, position } },
        );
    }
    await uploader.finish();
  } finally {
    uploader.destroy();
  }
}

/** Jobs in file order, in runs that one request each reads. */
function runsOf(jobs: readonly UploadJob[]): UploadJob[][] {
  const sorted = jobs
    .filter((job) => job.end > job.start)
    .sort((a, b) =>
      a.tensor.file === b.tensor.file ? startOf(a) - startOf(b) : a.tensor.file < b.tensor.file ? -1 : 1,
    );
  const runs: UploadJob[][] = [];
  for (const job of sorted) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const gap = last && last.tensor.file === job.tensor.file ? startOf(job) - endOf(last) : Number.POSITIVE_INFINITY;
    if (run && gap >= 0 && gap <= MAX_GAP_BYTES && endOf(job) - startOf(run[0]!) <= MAX_RUN_BYTES) run.push(job);
    else runs.push([job]);
  }
  return runs;
}

function startOf(job: UploadJob): number {
  return job.tensor.start + job.start;
}

function endOf(job: UploadJob): number {
  return job.tensor.start + job.end;
}

interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Cuts what comes in into pieces of exactly `size` bytes (the last one shorter), in one reused buffer. */
class Staging {
  readonly #bytes = new Uint8Array(STAGING_BYTES);
  #filled = 0;
  #size = STAGING_BYTES;
  #flush: (bytes: Uint8Array<ArrayBuffer>) => Promise<void> = async () => {};

  start(size: number, flush: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>): Sink {
    this.#filled = 0;
    this.#size = size;
    this.#flush = flush;
    return this;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const take = Math.min(bytes.length - at, this.#size - this.#filled);
      this.#bytes.set(bytes.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
      if (this.#filled === this.#size) await this.close();
    }
  }

  async close(): Promise<void> {
    if (this.#filled === 0) return;
    const padded = Math.ceil(this.#filled / 4) * 4; // WebGPU writes multiples of 4; blobs leave room for the zeros
    this.#bytes.fill(0, this.#filled, padded);
    const bytes = this.#bytes.subarray(0, this.#filled);
    this.#filled = 0;
    await this.#flush(bytes);
  }

  /** The same bytes as the flushed ones, with zeros up to a multiple of 4. */
  padded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, Math.ceil(bytes.length / 4) * 4);
  }
}

class Uploader {
  readonly #device: GPUDevice;
  readonly #staging = new Staging();
  readonly #pipelines: PipelineCache;
  #pending = 0;
  #band: GPUBuffer | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#pipelines = new PipelineCache(device);
  }

  async open(job: UploadJob): Promise<Sink> {
    const { how } = job;
    if (how.kind === 'transpose') return this.#transposing(job, how);
    let offset = job.bufferOffset;
    if (how.kind === 'widen') {
      // Norm weights: a whole vector fits the staging buffer, and is checked and widened there.
      const format = job.tensor.dtype as 'F32' | 'F16' | 'BF16';
      return this.#staging.start(STAGING_BYTES, async (bytes) => {
        assertFinite(bytes, format, job.tensor.name);
        const values = widenToF32(bytes, format);
        await this.#write(job.buffer, offset, values);
        offset += values.byteLength;
      });
    }
    let done = job.start;
    return this.#staging.start(STAGING_BYTES, async (bytes) => {
      if (how.kind === 'scales') {
        const format = job.tensor.dtype as 'F32' | 'F16' | 'BF16';
        assertFinite(bytes, format, job.tensor.name, done / bytesOf(format));
      }
      await this.#write(job.buffer, offset, this.#staging.padded(bytes));
      offset += bytes.length;
      done += bytes.length;
    });
  }

  /** Waits until everything has arrived. */
  async finish(): Promise<void> {
    this.#device.queue.submit([]);
    await this.#device.queue.onSubmittedWorkDone();
  }

  destroy(): void {
    this.#band?.destroy();
  }

  async #write(
    buffer: GPUBuffer,
    offset: number,
    data: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
  ): Promise<void> {
    this.#device.queue.writeBuffer(buffer, offset, data);
    await this.#written(data.byteLength);
  }

  /** Counts what is under way, and waits for it where it becomes too much. */
  async #written(bytes: number): Promise<void> {
    this.#pending += bytes;
    if (this.#pending < IN_FLIGHT_BYTES) return;
    this.#pending = 0;
    await this.finish();
  }

  /** Bands of whole source rows go to a buffer of their own, and a kernel writes them as columns of the blob. */
  async #transposing(job: UploadJob, { inCols, sourceOut, dtype }: TransposeJob): Promise<Sink> {
    const width = bytesOf(dtype);
    const rowBytes = sourceOut * width;
    const rows = Math.min(inCols, Math.floor(STAGING_BYTES / rowBytes / 2) * 2, 2 * 65_535);
    if (rows < 1)
      throw new OutriderError(
        'model_too_large',
        `${job.tensor.name}: a row of ${rowBytes} bytes exceeds the staging buffer of ${STAGING_BYTES}.`,
      );
    const pipeline = await this.#pipelines.get(plain(transposeKernel, { BITS: 8 * width }));
    this.#band ??= this.#device.createBuffer({
      label: 'fused expert band',
      size: STAGING_BYTES,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    });
    const band = this.#band;
    let firstRow = 0;
    return this.#staging.start(rows * rowBytes, async (bytes) => {
      const bandRows = bytes.length / rowBytes;
      this.#device.queue.writeBuffer(band, 0, this.#staging.padded(bytes));
      this.#transpose(pipeline, band, job, {
        in_cols: inCols,
        out_rows: sourceOut,
        first_row: firstRow,
        band_rows: bandRows,
        matrix_at: job.bufferOffset / 4,
      });
      firstRow += bandRows;
      await this.#written(bytes.length);
    });
  }

  #transpose(
    { pipeline, layout, variant }: Pipeline,
    band: GPUBuffer,
    job: UploadJob,
    values: Record<string, number>,
  ): void {
    const device = this.#device;
    const bytes = new DataView(new ArrayBuffer(32));
    packFields('transpose', variant.kernel.params, values, bytes);
    const params = device.createBuffer({
      label: 'transpose params',
      size: 32,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(params, 0, bytes.buffer);
    const buffers: Record<string, GPUBuffer> = { params, band, matrix: job.buffer };
    const entries = variant.kernel.bindings.map(({ index, name }) => ({
      binding: index,
      resource: { buffer: buffers[name]! },
    }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(
      Math.ceil(values.out_rows! / 64),
      values.band_rows! / (variant.overrides.BITS === 16 ? 2 : 1),
    );
    pass.end();
    device.queue.submit([encoder.finish()]);
    params.destroy(); // WebGPU keeps it until the submitted work is done
  }
}
