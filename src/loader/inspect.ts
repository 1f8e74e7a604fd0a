/** What config and headers say: the beginning of every plan and every load. */
import { type Checkpoint, type OpenOptions, openCheckpoint } from '../checkpoint/open.ts';
import { parseQuantization } from '../checkpoint/quantization.ts';
import { type AssignedTensors, assignRoles } from '../checkpoint/roles.ts';
import { type ConfigOptions, type ModelConfig, parseConfig } from '../model/config.ts';
import type { ModelSource } from '../storage/source.ts';

export interface Inspected {
  readonly checkpoint: Checkpoint;
  readonly config: ModelConfig;
  readonly tensors: AssignedTensors;
  /** What is computed otherwise than config and checkpoint ask. */
  readonly notices: readonly string[];
}

/** Throws every code of `openCheckpoint`, `parseConfig` and `assignRoles`. */
export async function inspectModel(source: ModelSource, options: OpenOptions & ConfigOptions): Promise<Inspected> {
  const checkpoint = await openCheckpoint(source, options);
  const { config, notices } = parseConfig(checkpoint.configJson, options);
  const tensors = assignRoles(config, checkpoint.tensors, parseQuantization(checkpoint.configJson));
  return { checkpoint, config, tensors, notices: [...tensors.notices, ...notices] };
}
