/** From a source to a plan: reads config and headers, and asks for the sizes of the files. */
import type { ConfigOptions } from '../model/config.ts';
import { type ModelPlan, type PlanOptions, planOf } from '../model/plan.ts';
import type { ModelSource, ReadOptions } from '../storage/source.ts';
import { type Inspected, inspectModel } from './inspect.ts';

/** What loading reads beside config and weights; a folder need not have all of them. */
const SMALL_FILES = [
  'config.json',
  'model.safetensors.index.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
];

export type SourcePlanOptions = PlanOptions & ConfigOptions & ReadOptions;

/** Throws what `inspectModel` and `planOf` throw. */
export async function planSource(source: ModelSource, options: SourcePlanOptions = {}): Promise<ModelPlan> {
  return planInspected(await inspectModel(source, options), options);
}

/** The same for a model that has been inspected. */
export async function planInspected(
  { checkpoint, config, tensors, notices }: Inspected,
  options: PlanOptions & ReadOptions,
): Promise<ModelPlan> {
  const { source, tensors: stored } = checkpoint;
  const paths = new Set([...SMALL_FILES, ...[...stored.values()].map(({ file }) => file)]);
  const sizes = await Promise.all(
    [...paths].map(async (path) => [path, (await source.stat(path, options))?.size] as const),
  );
  return planOf(
    config,
    tensors,
    {
      source: source.label,
      format: tensors.format,
      notices,
      tensors: [...stored.values()].reduce((sum, { start, end }) => sum + end - start, 0),
      files: new Map(sizes.filter((entry): entry is [string, number] => entry[1] !== undefined)),
      stored: options.stored,
    },
    options,
  );
}
