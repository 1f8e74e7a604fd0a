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
import type { TimingOptions } from '../timing.ts';
import { fitCurve, type Point } from './fit.ts';

export interface CurveOptions {
  readonly chunk: number;
  readonly maxTokens: number;
  /** Rows of a prompt's block. */
  readonly blockRows: number;
  /** Points in a chunk, its first and last run among them: of single tokens, and of blocks. */
  readonly points: { readonly decode: number; readonly prefill: number };
  readonly timing: TimingOptions;
  readonly onProgress?: ((text: string, done: number) => void) | undefined;
}

export const CURVES: CurveOptions = {
  chunk: 2048,
  maxTokens: 16384,
  blockRows: 32,
  points: { decode: 5, prefill: 3 },
  timing: { seconds: 0.03, samples: 3 },
};

/** Names of the curves, and which dispatches count for each. */
export const PARTS = ['chunked attention', 'global attention', 'all else'] as const;
export type Part = (typeof PARTS)[number];

export function partOf({ kernel, layer }: Pick<LayerDispatch, 'kernel' | 'layer'>): Part {
  return layer && isAttention({ kernel }) ? `${layer.attention} attention` : 'all else';
}

/** The positions at which runs of `rows` begin: evenly over each chunk, its first and its last run included. */
export function positionsOf({ chunk, maxTokens, points }: CurveOptions, rows: number): number[] {
  const count = rows === 1 ? points.decode : points.prefill;
  const inside = Array.from({ length: count }, (_, index) => Math.floor(((chunk - rows) * index) / (count - 1)));
  return Array.from({ length: maxTokens / chunk }, (_, index) => inside.map((at) => index * chunk + at)).flat();
}

/** Throws the signal's reason, and what allocating throws. */
export async function measureCurves(lab: Lab, options: CurveOptions = CURVES): Promise<CostCurves> {
  const { chunk, maxTokens, blockRows } = options;
  const model = await syntheticModel(lab.gpu, curvesConfig({ chunk, maxTokens }));
  const timeline = new Timeline(model, { contextLength: maxTokens, blockRows });
  try {
    const decode = await curvesOf(lab, await LayerPlans.record(timeline, 'token'), 1, options);
    const prefill = await curvesOf(lab, await LayerPlans.record(timeline, 'block'), blockRows, options);
    return { model: '3 chunked layers and 1 global, hidden 256, 10 heads of 64', chunk, decode, prefill };
  } finally {
    timeline.kv.destroy();
    for (const buffer of model.buffers) buffer.destroy();
  }
}

/** Seconds per token. */
async function curvesOf(lab: Lab, plans: LayerPlans, rows: number, options: CurveOptions): Promise<CostCurve[]> {
  const { chunk, timing, onProgress } = options;
  const positions = positionsOf(options, rows);
  const points: Record<Part, Point[]> = { 'chunked attention': [], 'global attention': [], 'all else': [] };
  for (const [index, position] of positions.entries()) {
    onProgress?.(`${rows === 1 ? 'decode' : 'prefill'} at ${position} tokens`, index / positions.length);
    const at: At = { position, rows };
    await plans.prepare(at);
    const dispatches = plans.dispatches(at);
    for (const part of PARTS) {
      const own = dispatches.filter((dispatch) => partOf(dispatch) === part);
      const seconds = await lab.timer.time(encodeAll(own), timing);
      points[part].push({ position, seconds: seconds / rows });
    }
    lab.assertAlive();
  }
  return PARTS.map((name) => {
    const fit = fitCurve(points[name], name === 'chunked attention' ? chunk : undefined);
    return { name, points: points[name], fit };
  });
}
