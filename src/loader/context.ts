/** The context's length for a load, whether or not it is known what fits. */
import { OutriderError } from '../errors.ts';
import { scheduleLayers } from '../model/irope.ts';
import { chooseContextLength, sizeTimeline } from '../model/memory/timeline.ts';
import type { ChosenContext, ContextRequest } from '../model/reader.ts';
import type { ReadOptions } from '../storage/source.ts';
import type { Inspected } from './inspect.ts';

/** Without a budget nobody knows what fits: then allocating everything is the proof. Throws as `ModelReader.chooseContext`. */
export async function chooseContext(
  inspected: Inspected,
  request: ContextRequest & ReadOptions,
): Promise<ChosenContext> {
  const { config } = inspected;
  const { budget, kvDtype = 'f32', adapterLimits } = request;
  const plan = budget === undefined ? undefined : await (await import('./plan.ts')).planInspected(inspected, request);
  if (plan?.verdict === 'too-large') {
    throw new OutriderError('model_too_large', [plan.reason, ...plan.nextSteps].join(' '), {
      details: { bytes: plan.gpu.total, budget: budget! },
    });
  }
  const contextLength = plan?.kv.contextLength ?? chooseContextLength(request.contextLength, config);
  const maxBinding = adapterLimits.maxStorageBufferBindingSize;
  sizeTimeline(config, scheduleLayers(config), contextLength, { kvDtype, maxBinding }); // throws where limits forbid it
  return { contextLength, spareBytes: plan && budget! - plan.gpu.total };
}
