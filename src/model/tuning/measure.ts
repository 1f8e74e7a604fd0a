/** Times the candidates of a kernel family on what a model would have them do. */
import type { Gpu } from '../../gpu/device.ts';
import type { PipelineCache } from '../../gpu/kernel.ts';
import { blobLayout } from '../../kernels/matrix.ts';
import type { KernelOptions } from '../../kernels/variants.ts';
import { abortError } from '../../storage/source.ts';
import { attentionTrial } from './attention.ts';
import { kindOf, type Projection, projectionTrial } from './projections.ts';
import { type Subject, unlike } from './subject.ts';
import { type Trial, Workbench } from './workbench.ts';

export type Family = 'matvec' | 'matmul' | 'attention';

/** How large trials are: on a CPU one has to end after some milliseconds, on a GPU it has to be worth the dispatch. */
const SIZES = {
  software: { blobBytes: 2 ** 21, rows: 32, flops: 1e8, keys: 256 },
  hardware: { blobBytes: 2 ** 24, rows: 256, flops: 1e10, keys: 2048 },
};
/** A sample takes at least so long, so that neither the round trip nor the clock's grain decides. */
const SAMPLE_SECONDS = 0.012;
const SAMPLES = 3;

/** Time that all measuring may take. */
export class Budget {
  readonly #over: Promise<undefined>;
  readonly #end: () => void;

  constructor(milliseconds: number, signal: AbortSignal | undefined) {
    let timer: ReturnType<typeof setTimeout>;
    let abort = () => {};
    this.#over = new Promise((resolve, reject) => {
      timer = setTimeout(resolve, milliseconds, undefined);
      abort = () => reject(abortError(signal!));
      signal?.addEventListener('abort', abort);
      if (signal?.aborted) abort();
    });
    this.#over.catch(() => {}); // nobody may be waiting
    this.#end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
  }

  /** Settles like `work`, or to undefined once the time is over, or throws `aborted`. What goes on after that is ignored. */
  within<T>(work: Promise<T>): Promise<T | undefined> {
    work.catch(() => {});
    return Promise.race([this.#over, work]);
  }

  end(): void {
    this.#end();
  }
}

/** A trial, and how much of it a token takes. */
interface Weighted {
  readonly trial: Trial;
  readonly share: number;
}

/** Seconds that a token takes in this family with each of these options, about; undefined where the time was over. */
export async function measureFamily(
  gpu: Gpu,
  pipelines: PipelineCache,
  family: Family,
  candidates: readonly KernelOptions[],
  subject: Subject,
  budget: Budget,
): Promise<number[] | undefined> {
  const bench = new Workbench(gpu.device, pipelines);
  try {
    const trials = trialsOf(bench, family, subject, gpu.facts.software);
    const seconds: number[] = [];
    for (const options of candidates) {
      let sum = 0;
      for (const { trial, share } of trials) {
        const own = await secondsOf(bench, trial, options, budget);
        if (own === undefined) return undefined;
        sum += own * share;
      }
      seconds.push(sum);
    }
    if (gpu.failure) throw gpu.failure;
    return seconds;
  } finally {
    bench.close();
  }
}

/** The least of a few samples. */
async function secondsOf(
  bench: Workbench,
  trial: Trial,
  options: KernelOptions,
  budget: Budget,
): Promise<number | undefined> {
  const plan = await budget.within(bench.plan(trial, options));
  if (!plan) return undefined;
  const dispatches = plan.dispatches(trial.at);
  let least = Number.POSITIVE_INFINITY;
  for (let [repeats, samples] = [1, 0]; samples < SAMPLES; ) {
    const seconds = await budget.within(bench.run(dispatches, repeats));
    if (seconds === undefined) return undefined;
    if (seconds < SAMPLE_SECONDS / 2) repeats = Math.ceil(repeats * Math.min(64, SAMPLE_SECONDS / seconds));
    else {
      least = Math.min(least, seconds / repeats);
      samples++;
    }
  }
  return least;
}

function trialsOf(bench: Workbench, family: Family, subject: Subject, software: boolean): Weighted[] {
  const sizes = software ? SIZES.software : SIZES.hardware;
  if (family === 'matvec') return heaviest(subject.token).map((one) => projection(bench, one, sizes.blobBytes, 1));
  if (family === 'matmul') {
    return heaviest(subject.block).map((one) => {
      const { storage, cols, paired, outputs } = one.use.matrix;
      const perOutput = 2 * cols * (paired ? 2 : 1) * sizes.rows;
      const bytes = (bytesOf(storage, paired, outputs, cols) / outputs) * (sizes.flops / perOutput);
      return projection(bench, one, Math.min(sizes.blobBytes, bytes), sizes.rows);
    });
  }
  return unlike(subject.attention, (shape) => shape).flatMap((shape) =>
    [1, sizes.rows].map((rows) => ({
      trial: attentionTrial(bench, shape, sizes.keys, rows),
      share: subject.attention.filter(({ chunked }) => chunked === shape.chunked).length / rows,
    })),
  );
}

/** The two kinds of projection that have the most bytes, and how often the model has each. */
function heaviest(uses: readonly Projection[]): { readonly use: Projection; readonly count: number }[] {
  const weight = ({ use: { matrix }, count }: { use: Projection; count: number }) =>
    count * bytesOf(matrix.storage, matrix.paired, matrix.outputs, matrix.cols);
  return unlike(uses, kindOf)
    .map((use) => ({ use, count: uses.filter((other) => kindOf(other) === kindOf(use)).length }))
    .sort((a, b) => weight(b) - weight(a))
    .slice(0, 2);
}

function projection(
  bench: Workbench,
  { use, count }: { readonly use: Projection; readonly count: number },
  maxBytes: number,
  rows: number,
): Weighted {
  const { storage, paired, outputs, cols } = use.matrix;
  const fitting = Math.floor((outputs * maxBytes) / bytesOf(storage, paired, outputs, cols));
  const taken = Math.min(outputs, Math.max(64, Math.floor(fitting / 64) * 64));
  const trial = projectionTrial(bench, use, { outputs: taken, cols, rows, experts: 1 }, false);
  return { trial, share: (count * outputs) / taken / rows };
}

function bytesOf(storage: Projection['matrix']['storage'], paired: boolean, outputs: number, cols: number): number {
  return blobLayout(storage, paired ? 2 * outputs : outputs, cols, paired).length * 4;
}
