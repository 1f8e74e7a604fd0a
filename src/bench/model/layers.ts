/** A model's dispatches by the layer that they belong to: each layer is recorded alone, by the lines that record them all. */
import { type At, type Plan, type PlannedDispatch, Recorder } from '../../gpu/plan.ts';
import { forward, head } from '../../model/forward.ts';
import type { LayerPlan } from '../../model/irope.ts';
import type { Timeline } from '../../model/timeline.ts';
import { IDLE } from '../lab.ts';

export interface LayerDispatch extends PlannedDispatch {
  /** undefined: embedding or head. */
  readonly layer: LayerPlan | undefined;
}

interface RecordedLayer {
  readonly layer: LayerPlan | undefined;
  readonly plan: Plan;
}

export class LayerPlans {
  readonly #timeline: Timeline;
  readonly #plans: readonly RecordedLayer[];

  /** Waits until all pipelines are compiled. */
  static async record(timeline: Timeline, size: 'token' | 'block'): Promise<LayerPlans> {
    const { gpu, pipelines, schedule, weights } = timeline.model;
    const plans = [undefined, ...schedule.layers].map(async (layer) => {
      const recorder = new Recorder();
      const ops = timeline.ops(recorder, size);
      forward(ops, { ...schedule, layers: layer ? [layer] : [] }, weights);
      if (!layer) head(ops, weights);
      return { layer, plan: await recorder.finish(gpu.device, pipelines, `layer ${layer?.index ?? 'none'}`) };
    });
    return new LayerPlans(timeline, await Promise.all(plans));
  }

  private constructor(timeline: Timeline, plans: readonly RecordedLayer[]) {
    this.#timeline = timeline;
    this.#plans = plans;
  }

  /** Makes room for keys and values, and writes the state: dispatches of `at` can be replayed from here on. */
  async prepare(at: At): Promise<void> {
    await this.#timeline.kv.reserve(at.position + at.rows);
    this.#timeline.writeState({ ...IDLE, ...at });
  }

  dispatches(at: At): LayerDispatch[] {
    return this.#plans.flatMap(({ layer, plan }) =>
      plan
        .dispatches(at)
        .filter(({ kernel }) => !layer || !kernel.startsWith('embed')) // which a layer's plan begins with
        .map((dispatch) => ({ ...dispatch, layer })),
    );
  }
}

/** Whether a dispatch reads keys and values, by its kernel's name. */
export function isAttention({ kernel }: { readonly kernel: string }): boolean {
  return kernel.startsWith('attention');
}
