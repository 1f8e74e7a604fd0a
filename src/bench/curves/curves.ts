/**
 * Cost curves: what a token takes at each position of a long context, on a small model whose layers are Scout's in kind. Each
 * operation is replayed at each position, so that chunked attention, global attention and all else stand apart.
 */
import type { At } from '../../gpu/plan.ts';
import { Timeline } from '../../model/timeline.ts';
import { encodeAll, type Lab } from '../lab.ts';
import { isAttention, type LayerDispatch, LayerPlans } from '../model/layers.ts';
import type { CostCurve, CostCurves } from '../results.ts';
import { curvesConfig } from '../synthetic/configs.ts';
import { syntheticModel } from '../synthetic/model.ts';
import { median } from '../timing.ts';
import { fitCurve } from './fit.ts';

export interface CurveOptions {
  readonly chunk: number;
  readonly maxTokens: number;
  readonly decode: RunOptions;
  readonly prefill: RunOptions;
  /** Of one sample, about. */
  readonly sampleSeconds: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((text: string, done: number) => void) | undefined;
}

/** Of single tokens, or of a prompt's blocks. */
export interface RunOptions {
  readonly rows: number;
  /** In a chunk, its first and its last run among them. */
  readonly points: number;
  /** Over all positions: samples of each. */
  readonly rounds: number;
}

export const CURVES: CurveOptions = {
  chunk: 2048,
  maxTokens: 16384,
  decode: { rows: 1, points: 5, rounds: 120 },
  prefill: { rows: 16, points: 3, rounds: 60 },
  sampleSeconds: 0.003,
};

/** Names of the curves, and which dispatches count for each. */
export const PARTS = ['chunked attention', 'global attention', 'all else'] as const;
export type Part = (typeof PARTS)[number];

export function partOf({ kernel, layer }: Pick<LayerDispatch, 'kernel' | 'layer'>): Part {
  return layer && isAttention({ kernel }) ? `${layer.attention} attention` : 'all else';
}

/** The positions at which runs of `rows` begin: evenly over each chunk, its first and its last run included. */
export function positionsOf({ chunk, maxTokens }: CurveOptions, { rows, points }: RunOptions): number[] {
  const inside = Array.from({ length: points }, (_, index) => Math.floor(((chunk - rows) * index) / (points - 1)));
  return Array.from({ length: maxTokens / chunk }, (_, index) => inside.map((at) => index * chunk + at)).flat();
}

/** Throws the signal's reason, and what allocating throws. */
export async function measureCurves(lab: Lab, options: CurveOptions = CURVES): Promise<CostCurves> {
  const { chunk, maxTokens } = options;
  const model = await syntheticModel(lab.gpu, curvesConfig({ chunk, maxTokens }));
  const timeline = new Timeline(model, { contextLength: maxTokens, blockRows: options.prefill.rows });
  try {
    const part = (first: number): CurveOptions => ({
      ...options,
      onProgress: (text, done) => options.onProgress?.(text, first + done / 2),
    });
    const decode = await curvesOf(lab, await LayerPlans.record(timeline, 'token'), 'decode', part(0));
    const prefill = await curvesOf(lab, await LayerPlans.record(timeline, 'block'), 'prefill', part(0.5));
    return { model: '3 chunked layers and 1 global, hidden 256, 10 heads of 64', chunk, decode, prefill };
  } finally {
    timeline.kv.destroy();
    for (const buffer of model.buffers) buffer.destroy();
  }
}

/** Seconds per token. */
async function curvesOf(
  lab: Lab,
  plans: LayerPlans,
  run: 'decode' | 'prefill',
  options: CurveOptions,
): Promise<CostCurve[]> {
  const positions = positionsOf(options, options[run]);
  const curves: CostCurve[] = [];
  for (const [index, name] of PARTS.entries()) {
    const onProgress = (text: string, done: number) =>
      options.onProgress?.(`${run}, ${name}: ${text}`, (index + done) / PARTS.length);
    const seconds = await secondsAt(lab, plans, name, positions, { ...options, ...options[run], onProgress });
    const points = positions.map((position, at) => ({ position, seconds: seconds[at]! }));
    const fit = fitCurve(points, name === 'chunked attention' ? options.chunk : undefined);
    curves.push({ name, points, fit });
  }
  return curves;
}

/**
 * What a part takes at each position, per token. Each sample stands between two of one fixed position, the first chunk's last, and
 * only its ratio to them counts: the two cores of a virtual machine run at twice their speed for some milliseconds, and at half of
 * it for the next, so that what is measured a second apart cannot be compared, with however many samples.
 */
async function secondsAt(
  lab: Lab,
  plans: LayerPlans,
  part: Part,
  positions: readonly number[],
  { chunk, rows, rounds, sampleSeconds, signal, onProgress }: CurveOptions & RunOptions,
): Promise<number[]> {
  const own = async (position: number) => {
    const at: At = { position, rows };
    await plans.prepare(at);
    return encodeAll(plans.dispatches(at).filter((dispatch) => partOf(dispatch) === part));
  };
  const counts = new Map<number, number>();
  for (const position of positions) counts.set(position, await lab.timer.runsIn(sampleSeconds, await own(position)));
  const sample = async (position: number) => lab.timer.sample(await own(position), counts.get(position)!);

  const fixed = chunk - rows;
  const references: number[] = [];
  const ratios = positions.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    signal?.throwIfAborted();
    onProgress?.(`round ${round + 1} of ${rounds}`, round / rounds);
    let before = await sample(fixed);
    for (const [index, position] of positions.entries()) {
      const seconds = await sample(position);
      const after = await sample(fixed);
      ratios[index]!.push((2 * seconds) / (before + after));
      references.push(after);
      before = after;
    }
    lab.assertAlive();
  }
  return ratios.map((of) => (median(of) * median(references)) / rows);
}
