/**
 * Two layers of Scout's own size, one chunked and one global, and its head: every operation of a token alone, and what all 48
 * layers would take by their sum.
 */
import type { ChosenVariants } from '../kernels/variants.ts';
import { Timeline } from '../model/timeline.ts';
import { encodeAll, type Lab } from './lab.ts';
import { isAttention, type LayerDispatch, LayerPlans } from './model/layers.ts';
import { type ReplayOptions, replay } from './model/replay.ts';
import type { OpTime, TrueSizeResult } from './results.ts';
import type { Roofs } from './share.ts';
import { scoutConfig, scoutLayersConfig } from './synthetic/configs.ts';
import { syntheticModel } from './synthetic/model.ts';

export interface TrueSizeOptions extends ReplayOptions {
  /** Tokens in the context: the whole chunk by default, which is the dearest for a chunked layer. */
  readonly context?: number | undefined;
  readonly variants?: ChosenVariants | undefined;
}

/** Throws the signal's reason, `gpu_out_of_memory`, and what allocating throws. */
export async function measureTrueSize(lab: Lab, roofs: Roofs, options: TrueSizeOptions): Promise<TrueSizeResult> {
  const { context = 8192, variants, ...timing } = options;
  const model = await syntheticModel(lab.gpu, scoutLayersConfig(), { variants });
  const timeline = new Timeline(model, { contextLength: context, blockRows: 16 });
  try {
    const plans = await LayerPlans.record(timeline, 'token');
    const at = { position: context - 1, rows: 1 };
    await plans.prepare(at);
    const dispatches = plans.dispatches(at);
    const ops = (await replay(lab.timer, dispatches.map(named), roofs, timing)).map((op) => ({
      ...op,
      times: timesOf(op),
    }));
    const stepSeconds = await lab.timer.time(encodeAll(dispatches), { ...timing, repeats: 1 });
    lab.assertAlive();
    const sum = (of: (op: OpTime & { times: number }) => number) => ops.reduce((total, op) => total + of(op), 0);
    return {
      context,
      weightBytes: model.bytes.weights,
      ops,
      sumSeconds: sum(({ seconds }) => seconds),
      stepSeconds,
      tokenSeconds: sum(({ seconds, times }) => seconds * times),
      tokenBytes: sum(({ bytes, times }) => bytes * times),
      tokenDispatches: sum(({ dispatches: count, times }) => count * times),
    };
  } finally {
    timeline.kv.destroy();
    for (const buffer of model.buffers) buffer.destroy();
  }
}

const ENDS = 'ends';

/** Labels that tell what a dispatch is repeated with: chunked and global attention apart, and what no layer has. */
function named(dispatch: LayerDispatch): LayerDispatch {
  const { layer, label } = dispatch;
  if (!layer) return { ...dispatch, label: `${ENDS}: ${label}` };
  return isAttention(dispatch) ? { ...dispatch, label: `${layer.attention} ${label}` } : dispatch;
}

/** Both layers have what is not attention; of Scout's 48 every fourth is global. */
function timesOf({ label }: OpTime): number {
  const { layerTypes, numHiddenLayers } = scoutConfig();
  const global = layerTypes.filter((type) => type === 'full_attention').length;
  if (label.startsWith(`${ENDS}:`)) return 1;
  if (label.startsWith('global ')) return global;
  if (label.startsWith('chunked ')) return numHiddenLayers - global;
  return numHiddenLayers / 2;
}
