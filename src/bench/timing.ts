/** How long the GPU takes: by its own timestamps where there are any, else by the clock around a submit. */

/** Encodes the work that is timed into a pass that is open. */
export type Encode = (pass: GPUComputePassEncoder) => void;

export interface TimingOptions {
  /** Repeats of one sample at least, unless they would take longer than `seconds`. Default 50. */
  readonly repeats?: number | undefined;
  /** Of one sample, about: work that is quick is repeated more often. Default 0.25. */
  readonly seconds?: number | undefined;
  /** Of which the median counts. Default 3. */
  readonly samples?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A submit stays below this by estimate: desktops stay usable, and drivers do not reset. */
const SUBMIT_SECONDS = 0.25;
/** Timestamps are quantized to 65 us: a sample of this length is off by one percent at most. */
const LEAST_SECONDS = 0.0066;

export class Timer {
  readonly timedBy: 'timestamp-query' | 'clock';
  readonly #device: GPUDevice;
  readonly #stamps: Stamps | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#stamps = device.features.has('timestamp-query') ? createStamps(device) : undefined;
    this.timedBy = this.#stamps ? 'timestamp-query' : 'clock';
  }

  /** Seconds of one run of `encode`, by samples, each of many runs. Throws the signal's reason. */
  async time(encode: Encode, options: TimingOptions = {}): Promise<number> {
    const { repeats = 50, seconds = 0.25, samples = 3, signal } = options;
    const count = await this.runsIn(seconds, encode, repeats);
    const found: number[] = [];
    for (let sample = 0; sample < samples; sample++) {
      signal?.throwIfAborted();
      found.push(await this.sample(encode, count));
    }
    return median(found);
  }

  /** How many runs a sample of about so many seconds takes, or of fewer where `repeats` runs are shorter; 1 at least. */
  async runsIn(seconds: number, encode: Encode, repeats = Number.POSITIVE_INFINITY): Promise<number> {
    await this.sample(encode, 1); // drivers compile at the first
    const estimate = await this.sample(encode, 1);
    const aim = Math.min(Math.max(repeats * estimate, LEAST_SECONDS), Math.min(seconds, SUBMIT_SECONDS));
    return Math.max(1, Math.round(aim / Math.max(estimate, 1e-6)));
  }

  /** Seconds of one of `count` runs in one pass. */
  async sample(encode: Encode, count: number): Promise<number> {
    const device = this.#device;
    const stamps = this.#stamps;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass(stamps ? { timestampWrites: stamps.writes } : {});
    for (let run = 0; run < count; run++) encode(pass);
    pass.end();
    stamps?.resolve(encoder);
    const commands = encoder.finish();
    const start = performance.now();
    device.queue.submit([commands]);
    if (stamps) return (await stamps.read()) / count;
    await device.queue.onSubmittedWorkDone();
    return (performance.now() - start) / 1000 / count;
  }

  destroy(): void {
    this.#stamps?.destroy();
  }
}

interface Stamps {
  readonly writes: GPUComputePassTimestampWrites;
  resolve(encoder: GPUCommandEncoder): void;
  /** Seconds between the two. */
  read(): Promise<number>;
  destroy(): void;
}

function createStamps(device: GPUDevice): Stamps {
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
  const resolved = device.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const staging = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  return {
    writes: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
    resolve: (encoder) => {
      encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
    },
    read: async () => {
      await staging.mapAsync(GPUMapMode.READ);
      const [begin, end] = new BigUint64Array(staging.getMappedRange().slice(0));
      staging.unmap();
      return Number(end! - begin!) / 1e9;
    },
    destroy: () => {
      querySet.destroy();
      resolved.destroy();
      staging.destroy();
    },
  };
}

/** The middle value; of an even count the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle - 0.5)]! + sorted[Math.floor(middle)]!) / 2;
}
