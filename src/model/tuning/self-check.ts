/**
 * Drivers that compute nonsense exist. Before a model is loaded on an adapter for the first time, every kernel that was
 * chosen for it computes a few numbers that plain loops know too: through the model's own pipelines, so that they are
 * compiled once.
 */
import { OutriderError } from '../../errors.ts';
import type { AdapterFacts } from '../../gpu/device.ts';
import type { Activations, ChosenVariants } from '../../kernels/variants.ts';
import { attentionTrial } from './attention.ts';
import type { Projection, TrialBench } from './bench.ts';
import { projectionTrial } from './projections.ts';
import { type Subject, tally } from './subject.ts';
import type { Trial } from './trial.ts';

/**
 * Of the largest number that is expected: what rounding may do, generously. f32 sums of a few hundred terms are off by
 * 1e-6, f16 and int8 ones by 1e-3; a wrong kernel is off by 0.01 and more.
 */
const TOLERANCE = { f32: 1e-4, f16: 1e-2, int8: 1e-2 };
/** Neither fills the last workgroup or tile. */
const [OUTPUTS, ROWS] = [40, 5];
/** Every group size but those of whole rows divides it. */
const COLS = 256;
const EXPERTS = 3;
/** More than one piece, so that partial results are merged. */
const KEYS = 300;

/** Throws `gpu_incorrect` with the adapter, the kernel and both numbers. */
export async function selfCheck(
  bench: TrialBench,
  facts: AdapterFacts,
  activations: Activations,
  chosen: ChosenVariants,
  subject: Subject,
): Promise<void> {
  try {
    const prepared = await Promise.all(
      trialsOf(subject).map(async (trial) => {
        const index = await bench.add(trial.work);
        return { trial, index, kernels: await bench.prepare(index, chosen) };
      }),
    );
    for (const { trial, index, kernels } of prepared) {
      await bench.run(index, 1);
      compare(facts, kernels, trial.expected(), await bench.read(index), TOLERANCE[activations]);
    }
  } finally {
    await bench.clear();
  }
}

function trialsOf({ token, block, attention }: Subject): Trial[] {
  const small = ({ matrix, ...use }: Projection): Projection => {
    const { storage, numExperts } = matrix;
    const cols = Math.max(COLS, 'groupSize' in storage ? storage.groupSize : 0);
    return { ...use, matrix: { ...matrix, outputs: OUTPUTS, cols, numExperts: numExperts && EXPERTS } };
  };
  const few = attention.map((shape) => ({
    ...shape,
    numHeads: (2 * shape.numHeads) / shape.numKvHeads,
    numKvHeads: 2,
  }));
  return [
    ...tally(token.map(small)).map(({ one }) => projectionTrial(one, 1, true)),
    ...tally(block.map(small)).map(({ one }) => projectionTrial(one, ROWS, true)),
    ...tally(few).flatMap(({ one }) => [1, ROWS].map((rows) => attentionTrial(one, KEYS, rows))),
  ];
}

function compare(
  facts: AdapterFacts,
  kernel: string,
  expected: Float64Array,
  found: Float32Array,
  tolerance: number,
): void {
  const most = tolerance * expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const wrong = expected.findIndex((value, at) => !(Math.abs(value - found[at]!) <= most)); // NaN is wrong too
  if (wrong < 0) return;
  const adapter = facts.description || `${facts.vendor} ${facts.architecture}`;
  throw new OutriderError(
    'gpu_incorrect',
    `The GPU "${adapter}" computes nonsense: ${kernel} gave ${found[wrong]} where ${expected[wrong]} is right. Its driver is defective: update it or the browser, choose another GPU with powerPreference, or other kernels with variants.`,
    { details: { adapter, kernel, found: found[wrong]!, expected: expected[wrong]! } },
  );
}
