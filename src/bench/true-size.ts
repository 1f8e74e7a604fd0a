/**
 * Two layers of Scout's own size, one chunked and one global, and its head: every operation of a token alone, and what all 48
 * layers would take by their sum.
 */
import type { ChosenVariants } from '../kernels/variants.ts';
import { Timeline } from '../model/timeline.ts';
import { encodeAll, type Lab } from './lab.ts';
import { isAttention, type LayerDispatch, LayerPlans } from './model/layers.ts';
import { type ReplayOptions, replay } from './model/replay.ts';
import type { TrueSizeOp, TrueSizeResult } from './results.ts';
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
    const ops: TrueSizeOp[] = [];
    for (const { times, prefix, has } of groups()) {
      const own = dispatches.filter(has).map((dispatch) => ({ ...dispatch, label: prefix + dispatch.label }));
      ops.push(...(await replay(lab.timer, own, roofs, timing)).map((op) => ({ ...op, times })));
    }
    const stepSeconds = await lab.timer.time(encodeAll(dispatches), { ...timing, repeats: 1 });
    lab.assertAlive();
    const sum = (of: (op: TrueSizeOp) => number) => ops.reduce((total, op) => total + of(op), 0);
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

interface Group {
  /** How often Scout has what the two layers, or the ends, have. */
  readonly times: number;
  readonly prefix: string;
  readonly has: (dispatch: LayerDispatch) => boolean;
}

/** Both layers have what is not attention; of Scout's 48 every fourth is global. */
function groups(): Group[] {
  const { layerTypes, numHiddenLayers } = scoutConfig();
  const global = layerTypes.filter((type) => type === 'full_attention').length;
  const attends = (kind: 'chunked' | 'global') => (dispatch: LayerDispatch) =>
    dispatch.layer?.attention === kind && isAttention(dispatch);
  return [
    { times: numHiddenLayers / 2, prefix: '', has: (dispatch) => !!dispatch.layer && !isAttention(dispatch) },
    { times: numHiddenLayers - global, prefix: 'chunked ', has: attends('chunked') },
    { times: global, prefix: 'global ', has: attends('global') },
    { times: 1, prefix: '', has: ({ layer }) => !layer },
  ];
}
