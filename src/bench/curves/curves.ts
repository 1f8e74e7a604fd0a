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
import { fitCurve } from './fit.ts';

export interface CurveOptions {
  readonly chunk: number;
  readonly maxTokens: number;
  readonly decode: RunOptions;
  readonly prefill: RunOptions;
  /** Of a point in a round. */
  readonly timing: TimingOptions;
  readonly onProgress?: ((text: string, done: number) => void) | undefined;
}

/** Of single tokens, or of a prompt's blocks. */
export interface RunOptions {
  readonly rows: number;
  /** In a chunk, its first and its last run among them. */
  readonly points: number;
  /**
   * Over all positions. The fastest sample of each position counts: a kernel does the same each time, and all else only adds to
   * it. Software adapters need many short ones: on shared cores most take up to twice as long as the fastest.
   */
  readonly rounds: number;
}

export const CURVES: CurveOptions = {
  chunk: 2048,
  maxTokens: 16384,
  decode: { rows: 1, points: 5, rounds: 20 },
  prefill: { rows: 16, points: 3, rounds: 15 },
  timing: { seconds: 0.007, samples: 3, counts: 'fastest' },
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
  const { chunk, timing, onProgress } = options;
  const { rows, rounds } = options[run];
  const positions = positionsOf(options, options[run]);
  const samples: Readonly<Record<Part, number[]>>[] = positions.map(() => noSamples());
  for (let round = 0; round < rounds; round++) {
    for (const [index, position] of positions.entries()) {
      const done = (round + index / positions.length) / rounds;
      onProgress?.(`${run} at ${position} tokens, round ${round + 1}`, done);
      const at: At = { position, rows };
      await plans.prepare(at);
      const dispatches = plans.dispatches(at);
      for (const part of PARTS) {
        const own = dispatches.filter((dispatch) => partOf(dispatch) === part);
        samples[index]![part].push((await lab.timer.time(encodeAll(own), timing)) / rows);
      }
      lab.assertAlive();
    }
  }
  return PARTS.map((name) => {
    const points = positions.map((position, index) => ({ position, seconds: Math.min(...samples[index]![name]) }));
    return { name, points, fit: fitCurve(points, name === 'chunked attention' ? chunk : undefined) };
  });
}

function noSamples(): Record<Part, number[]> {
  return { 'chunked attention': [], 'global attention': [], 'all else': [] };
}
