/** Times the candidates of a kernel family on what a model would have them do. */
import type { ChosenVariants, Family } from '../../kernels/variants.ts';
import { attentionTrial } from './attention.ts';
import type { Projection, TrialBench } from './bench.ts';
import { projectionTrial, wordsOf } from './projections.ts';
import { type Subject, tally } from './subject.ts';
import type { Trial } from './trial.ts';

/** How large trials are: on a CPU one has to end after some milliseconds, on a GPU it has to be worth its dispatch. */
const SIZES = {
  software: { weights: 2 ** 21, rows: 32, keys: 256 },
  hardware: { weights: 2 ** 24, rows: 256, keys: 2048 },
};
/** The projections that a token spends most bytes on. */
const HEAVIEST = 2;
/** A sample takes at least so long, so that neither the round trip nor the clock's grain decides. */
const SAMPLE_SECONDS = 0.006;
const SAMPLES = 3;

export interface Budget {
  /** Settles like `work`, or to undefined once the time is over; rejects with `aborted`. */
  within<T>(work: Promise<T>): Promise<T | undefined>;
  /** Milliseconds. */
  left(): number;
}

/** A trial, and how much of it a token takes. */
interface Weighted {
  readonly trial: Trial;
  readonly share: number;
}

/** Seconds that a token takes in this family with each of these choices, about; undefined where the time was over. */
export async function measureFamily(
  bench: TrialBench,
  software: boolean,
  family: Family,
  candidates: readonly ChosenVariants[],
  subject: Subject,
  budget: Budget,
): Promise<number[] | undefined> {
  try {
    const trials = await Promise.all(
      trialsOf(family, subject, software).map(async ({ trial, share }) => ({
        index: await bench.add(trial.work),
        share,
      })),
    );
    const sums: number[] = [];
    let last = 0; // milliseconds that the candidate before took
    for (const chosen of candidates) {
      const before = budget.left();
      if (before < last) return undefined; // a compilation that is begun goes on, and holds up what is needed
      let sum = 0;
      for (const { index, share } of trials) {
        const seconds = await secondsOf(bench, index, chosen, budget);
        if (seconds === undefined) return undefined;
        sum += seconds * share;
      }
      sums.push(sum);
      last = before - budget.left();
    }
    return sums;
  } finally {
    await bench.clear();
  }
}

/** The least of a few samples. */
async function secondsOf(
  bench: TrialBench,
  trial: number,
  chosen: ChosenVariants,
  { within }: Budget,
): Promise<number | undefined> {
  const kernels = await within(bench.prepare(trial, chosen));
  if (kernels === undefined) return undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let [repeats, samples] = [1, 0]; samples < SAMPLES; ) {
    const seconds = await within(bench.run(trial, repeats));
    if (seconds === undefined) return undefined;
    if (seconds < SAMPLE_SECONDS) repeats = Math.ceil(repeats * Math.min(64, (2 * SAMPLE_SECONDS) / seconds));
    else {
      least = Math.min(least, seconds / repeats);
      samples++;
    }
  }
  return least;
}

function trialsOf(family: Family, subject: Subject, software: boolean): Weighted[] {
  const { weights, rows, keys } = software ? SIZES.software : SIZES.hardware;
  if (family === 'attention') {
    return tally(subject.attention).flatMap(({ one, count }) =>
      [1, rows].map((many) => ({ trial: attentionTrial(one, keys, many), share: count / many })),
    );
  }
  const many = family === 'matvec' ? 1 : rows;
  return heaviest(family === 'matvec' ? subject.token : subject.block).map(({ one, count }) => {
    const { outputs, cols, numExperts } = one.matrix;
    const taken = Math.min(outputs, Math.max(64, Math.floor(weights / cols / 64) * 64));
    const matrix = { ...one.matrix, outputs: taken, numExperts: numExperts && 1 };
    const trial = projectionTrial({ ...one, matrix }, many, false);
    return { trial, share: (count * outputs) / taken / many };
  });
}

function heaviest(projections: readonly Projection[]) {
  const weight = ({ one, count }: { one: Projection; count: number }) => count * wordsOf(one.matrix);
  return tally(projections)
    .sort((a, b) => weight(b) - weight(a))
    .slice(0, HEAVIEST);
}
