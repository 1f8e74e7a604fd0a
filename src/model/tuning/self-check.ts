/**
 * Drivers that compute nonsense exist. Before a model is loaded on an adapter for the first time, every kernel that was
 * chosen for it computes a few numbers that plain loops know too: through the model's own pipelines, so that they are
 * compiled once.
 */
import { OutriderError } from '../../errors.ts';
import type { Gpu } from '../../gpu/device.ts';
import type { PipelineCache } from '../../gpu/kernel.ts';
import type { KernelOptions } from '../../kernels/variants.ts';
import { attentionTrial } from './attention.ts';
import { type Projection, projectionTrial } from './projections.ts';
import { type Subject, unlike } from './subject.ts';
import { type Trial, Workbench } from './workbench.ts';

/**
 * Of the largest number that is expected: what rounding may do, generously. f32 sums of a few hundred terms are off by
 * 1e-6, f16 ones by 1e-3; a wrong kernel is off by 0.1 and more.
 */
const TOLERANCE = { f32: 1e-4, f16: 2e-2 };
/** Neither fills the last workgroup or tile. */
const [OUTPUTS, ROWS] = [40, 5];
/** More than one piece of keys, so that partial results are merged. */
const KEYS = 300;

/** Throws `gpu_incorrect` with the adapter, the kernel and both numbers. */
export async function selfCheck(
  gpu: Gpu,
  pipelines: PipelineCache,
  options: KernelOptions,
  subject: Subject,
): Promise<void> {
  const bench = new Workbench(gpu.device, pipelines);
  try {
    await Promise.all(trialsOf(bench, subject).map((trial) => check(bench, gpu, trial, options)));
  } finally {
    bench.close();
  }
}

function trialsOf(bench: Workbench, { token, block, attention }: Subject): Trial[] {
  const projections = (uses: readonly Projection[], rows: number) =>
    unlike(uses, ({ matrix, ...use }) => [use, matrix.storage, matrix.numExperts === undefined]).map((use) => {
      const { storage } = use.matrix;
      const cols = Math.max(256, 'groupSize' in storage ? storage.groupSize : 0);
      return projectionTrial(bench, use, { outputs: OUTPUTS, cols, rows, experts: 3 }, true);
    });
  const heads = unlike(attention, (shape) => shape).flatMap((shape) => {
    const few = { ...shape, numHeads: (2 * shape.numHeads) / shape.numKvHeads, numKvHeads: 2 };
    return [1, ROWS].map((rows) => attentionTrial(bench, few, KEYS, rows));
  });
  return [...projections(token, 1), ...projections(block, ROWS), ...heads];
}

async function check(bench: Workbench, gpu: Gpu, trial: Trial, options: KernelOptions): Promise<void> {
  const plan = await bench.plan(trial, options);
  const dispatches = plan.dispatches(trial.at);
  await bench.run(dispatches);
  const found = await bench.read(trial.y);
  if (gpu.failure) throw gpu.failure;
  const expected = trial.expected();
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const wrong = expected.findIndex((value, at) => !(Math.abs(value - found[at]!) <= TOLERANCE[options.elem] * largest));
  if (wrong < 0) return;
  const { vendor, architecture, description } = gpu.facts;
  const adapter = description || `${vendor} ${architecture}`;
  const kernel = dispatches.map((dispatch) => dispatch.kernel).join(' + ');
  throw new OutriderError(
    'gpu_incorrect',
    `The GPU "${adapter}" computes nonsense: ${kernel} (${trial.name}) gave ${found[wrong]} where ${expected[wrong]} is right. Its driver is defective: update the driver or the browser, choose another GPU with powerPreference, or other kernels with variants.`,
    { details: { adapter, kernel, found: found[wrong]!, expected: expected[wrong]! } },
  );
}
