/** What a model's kernels have to do: the work by which they are chosen and checked. Plain data. */
import type { AttentionShape, KvDtype } from '../../kernels/attention.ts';
import type { ModelConfig } from '../config.ts';
import type { Weights } from '../weights.ts';
import type { Projection } from './bench.ts';
import { projectionsOf } from './projections.ts';

export interface Subject {
  /** Projections of one token. */
  readonly token: readonly Projection[];
  /** Those of a block. */
  readonly block: readonly Projection[];
  /** Per layer. */
  readonly attention: readonly AttentionShape[];
}

export function subjectOf(config: ModelConfig, weights: Weights<unknown>, kvDtype: KvDtype = 'f32'): Subject {
  const { numAttentionHeads: numHeads, numKeyValueHeads: numKvHeads, headDim, layerTypes } = config;
  return {
    token: projectionsOf(weights, false),
    block: projectionsOf(weights, true),
    attention: layerTypes.map((type) => ({
      numHeads,
      numKvHeads,
      headDim,
      chunked: type === 'chunked_attention',
      kvDtype,
    })),
  };
}

/** Each different element of a list of plain data, and how often it is there. */
export function tally<T>(list: readonly T[]): { readonly one: T; readonly count: number }[] {
  const counts: Record<string, number> = {};
  for (const one of list.map((element) => JSON.stringify(element))) counts[one] = (counts[one] ?? 0) + 1;
  return Object.entries(counts).map(([one, count]) => ({ one: JSON.parse(one) as T, count }));
}
