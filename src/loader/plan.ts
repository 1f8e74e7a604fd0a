/** From a source to a plan: reads config and headers, and asks for the sizes of the files. */
import { type Checkpoint, openCheckpoint } from '../checkpoint/open.ts';
import { parseQuantization } from '../checkpoint/quantization.ts';
import { type AssignedTensors, assignRoles } from '../checkpoint/roles.ts';
import { type ConfigOptions, parseConfig } from '../model/config.ts';
import { type ModelPlan, type PlanOptions, planOf } from '../model/plan.ts';
import type { ModelSource, ReadOptions } from '../storage/source.ts';

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

/** Throws every code of `openCheckpoint`, `parseConfig` and `assignRoles`, and what `planOf` throws. */
export async function planSource(source: ModelSource, options: SourcePlanOptions = {}): Promise<ModelPlan> {
  const checkpoint = await openCheckpoint(source, options);
  const { config } = parseConfig(checkpoint.configJson, options);
  const tensors = assignRoles(config, checkpoint.tensors, parseQuantization(checkpoint.configJson));
  return planCheckpoint(checkpoint, tensors, options);
}

/** The same for a checkpoint that has been opened. */
export async function planCheckpoint(
  { source, configJson, tensors: stored }: Checkpoint,
  tensors: AssignedTensors,
  options: SourcePlanOptions = {},
): Promise<ModelPlan> {
  const { config, notices } = parseConfig(configJson, options);
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
      notices: [...notices, ...tensors.notices],
      tensors: [...stored.values()].reduce((sum, { start, end }) => sum + end - start, 0),
      files: new Map(sizes.filter((entry): entry is [string, number] => entry[1] !== undefined)),
      stored: options.stored,
    },
    options,
  );
}
