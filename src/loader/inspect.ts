/** What config and headers say: the beginning of every plan and every load. */
import { isPlain, PLAIN_FORMATS } from '../checkpoint/formats/plain.ts';
import { type Checkpoint, type OpenOptions, openCheckpoint } from '../checkpoint/open.ts';
import { type AssignedTensors, assignRoles } from '../checkpoint/roles.ts';
import { type ConfigOptions, type ModelConfig, parseConfig } from '../model/config.ts';
import type { ModelSource } from '../storage/source.ts';

export interface Inspected {
  readonly checkpoint: Checkpoint;
  readonly config: ModelConfig;
  readonly tensors: AssignedTensors;
  /** All matrices are of plain formats. */
  readonly plain: boolean;
  /** What is computed otherwise than config and checkpoint ask. */
  readonly notices: readonly string[];
}

/** Throws every code of `openCheckpoint`, `parseConfig` and `assignRoles`. */
export async function inspectModel(source: ModelSource, options: OpenOptions & ConfigOptions): Promise<Inspected> {
  const checkpoint = await openCheckpoint(source, options);
  const { config, notices } = parseConfig(checkpoint.configJson, options);
  const plain = isPlain(checkpoint.configJson, checkpoint.tensors);
  const formats = plain ? PLAIN_FORMATS : (await import('./formats.ts')).EVERY_FORMAT;
  const tensors = assignRoles(config, checkpoint.tensors, formats.parseQuantization(checkpoint.configJson), formats);
  return { checkpoint, config, tensors, plain, notices: [...tensors.notices, ...notices] };
}
